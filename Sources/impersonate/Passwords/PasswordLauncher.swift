import Impersonation

/// Starts a command in a session of PAM which the password of this run opens.
///
/// The password becomes that of the account that was decided upon, for one launch; when the command runs, or does not, this
/// process has it no more.
struct PasswordLauncher: ProcessLauncher {
    /// The system helper.
    let helper: SystemHelperLauncher

    /// The name of the service of PAM.
    let service: String

    /// The password.
    let password: SinglePassword

    var backend: LaunchBackend { .pam }

    /// Nobody else has to bring one.
    var requiresCredential: Bool { false }

    func launch(_ command: Command, as identity: ExecutionIdentity) async throws(LaunchError) -> LaunchedProcess {
        let account = identity.account.name
        let store = InMemoryCredentialStore()
        do throws(CredentialStoreError) {
            if let secret = password.take() { _ = try await store.register(secret, for: account) }
        } catch {
            throw LaunchError(
                .credentialUnavailable,
                step: .authenticate,
                account: account,
                backend: backend,
                message: error.message
            )
        }
        return try await PAMLauncher(through: helper, service: service, authentication: .password(from: store))
            .launch(command, as: identity)
    }
}
