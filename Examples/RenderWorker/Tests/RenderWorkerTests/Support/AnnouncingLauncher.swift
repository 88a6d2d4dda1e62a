import Impersonation
import ImpersonationTesting

/// A recording launcher that tells of each launch, so that a test need not guess when it comes.
struct AnnouncingLauncher: ProcessLauncher {
    let recorder: RecordingLauncher
    let announcements: AsyncStream<Void>
    private let announce: AsyncStream<Void>.Continuation

    var backend: LaunchBackend { recorder.backend }

    init(script: [RecordingLauncher.Outcome]) {
        recorder = RecordingLauncher(script: script)
        (announcements, announce) = AsyncStream.makeStream()
    }

    func launch(
        _ command: Command,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        let process = try await recorder.launch(command, as: identity)
        announce.yield()
        return process
    }
}
