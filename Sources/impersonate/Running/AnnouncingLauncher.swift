import Impersonation

/// Tells of a process as soon as its start is confirmed, before the start is written down.
struct AnnouncingLauncher: ProcessLauncher {
    /// Who launches.
    let launcher: any ProcessLauncher

    /// Called with each process.
    let announce: @Sendable (LaunchedProcess) -> Void

    var backend: LaunchBackend { launcher.backend }

    var requiresCredential: Bool { launcher.requiresCredential }

    func launch(_ command: Command, as identity: ExecutionIdentity) async throws(LaunchError) -> LaunchedProcess {
        let process = try await launcher.launch(command, as: identity)
        announce(process)
        return process
    }
}
