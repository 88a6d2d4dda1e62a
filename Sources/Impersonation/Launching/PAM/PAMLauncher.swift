import LaunchPlan
import Logging
import SystemPackage

/// Starts a process in a session of PAM: the `pam` backend.
///
/// The session is opened, kept and closed by a process of the system helper, as root and outside the daemon: modules change the
/// process they run in, may hang, and may make threads. The helper's policy says which services there are (`pam-services`). What
/// modules say of a session reaches the job: groups (`pam_group`), limits (`pam_limits`), the mask and the priority, variables
/// that are not dangerous (`pam_env`, `KRB5CCNAME`), the keyring (`pam_keyinit`), the login id (`pam_loginuid`), Kerberos tickets.
///
/// The session lasts until the job has ended, and everything it has left that can be found: where the helper gives jobs cgroups,
/// that is all of it. Then it is closed, and ``LaunchedProcess/exitReport()`` returns after that, unless the job has left something
/// running.
///
/// An account check alone (without ``Authentication/password(from:)``) is as good as the modules are: `pam_winbind` lets accounts in
/// that are disabled or have expired when nobody authenticates, which `pam_sss` with Active Directory refuses; none of them looks
/// whether an account is locked.
public struct PAMLauncher: ProcessLauncher {
    /// Whether the account has to prove itself.
    public enum Authentication: Sendable {
        /// Nothing is proven: the daemon answers for whom it launches, as `cron` and `sudo` do.
        case none

        /// The account's password, registered in a store.
        ///
        /// A version that PAM rejects is remembered as rejected there and not tried again, and launches of one account follow
        /// one after the other, so that no account is locked by a password that has changed.
        case password(from: any CredentialStore)
    }

    /// How long sessions live.
    public enum Sessions: Sendable, Hashable {
        /// Every job has a session of its own, closed when nothing of the job is left.
        case perJob

        /// Jobs of one account have one session, closed when it has had no job for a while.
        ///
        /// The helper's policy has to permit it (`pam-session-idle`) and sets the longest time. Jobs of one daemon user have it in common
        /// whose service, account, groups and mask are the same, and that either all bring a password or none. Each is looked at
        /// for itself all the same: PAM's account check and, where it brings one, its own password. After an hour jobs begin a new
        /// one. A job that may outlive its daemon has one of its own.
        case shared(idleTime: Duration)
    }

    /// The system helper.
    public let helper: SystemHelperLauncher

    /// The name of the service: of a file in `/etc/pam.d`.
    public let service: String

    /// Whether the account has to prove itself.
    public let authentication: Authentication

    /// How long sessions live.
    public let sessions: Sessions

    /// The backend's name.
    public var backend: LaunchBackend { .pam }

    /// Whether a password is needed.
    public var requiresCredential: Bool {
        switch authentication {
        case .none: false
        case .password: true
        }
    }

    /// The service that `make install` puts into `/etc/pam.d`.
    public static let defaultService = "impersonation"

    /// Creates a launcher.
    ///
    /// - Parameters:
    ///   - helper: The system helper; nothing is connected before the first launch.
    ///   - service: The name of the service, which the helper's policy has to permit.
    ///   - authentication: Whether the account has to prove itself.
    ///   - sessions: How long sessions live.
    public init(
        through helper: SystemHelperLauncher = SystemHelperLauncher(),
        service: String = defaultService,
        authentication: Authentication = .none,
        sessions: Sessions = .perJob
    ) {
        self.helper = helper
        self.service = service
        self.authentication = authentication
        self.sessions = sessions
    }

    private var idleTime: Duration? {
        switch sessions {
        case .perJob: nil
        case .shared(let idleTime): idleTime
        }
    }

    /// Starts a command as an identity, in a session of its own, and waits until its program runs.
    ///
    /// The deadline of the command counts for everything, the directory's answers included; a module that hangs is ended with the
    /// process that runs it. A cancellation is heard between two steps of PAM.
    ///
    /// A job of the very account that the daemon runs as, without any privilege, is started by the daemon itself and has no session,
    /// unless a password is to be proven: the helper is asked for that one, and refuses it (<doc:Sessions>).
    ///
    /// - Parameters:
    ///   - command: What is run.
    ///   - identity: Whom it runs as.
    /// - Returns: The running process.
    /// - Throws: ``LaunchError``; ``LaunchError/sessionRefusal`` says what PAM has answered, and ``ProcessLauncher`` what is left.
    public func launch(
        _ command: Command,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        let failures = LaunchFailureReporter(identity: identity, backend: backend)
        try failures.mustSwitchAccount()
        switch authentication {
        case .none:
            if let own = OwnAccountLaunch(command, as: identity, backend, helper.attestation) {
                return try await own.run()
            }
            return try await launch(command, as: identity, with: nil, failures)
        case .password(let store):
            let deadline = ContinuousClock.now + command.startDeadline.reasonable
            switch await CredentialTurns.shared.enter(identity.account.name, until: deadline) {
            case .turn: break
            case .late:
                throw failures.failure(
                    .deadlineExceeded,
                    .authenticate,
                    nil,
                    "other launches of the account, whose passwords are proven one after the other, took the whole "
                        + "\(command.startDeadline); look at what the PAM service \(service) waits for"
                )
            case .cancelled: throw failures.cancelled()
            }
            defer { CredentialTurns.shared.leave(identity.account.name) }
            var rest = command
            rest.startDeadline = max(.milliseconds(1), deadline - .now)
            return try await launch(rest, as: identity, from: store, failures)
        }
    }

    private func launch(
        _ command: Command,
        as identity: ExecutionIdentity,
        with password: OwnedDescriptor?,
        _ failures: LaunchFailureReporter
    ) async throws(LaunchError) -> LaunchedProcess {
        let reactor = try failures.performing(.prepare) { () throws(Errno) in try Reactor.shared() }
        return try await HelperLaunch(
            command: command,
            identity: identity,
            launcher: helper,
            reactor: reactor,
            backend: backend,
            session: SessionOpening(service: service, password: password, idleTime: idleTime)
        )
        .run()
    }

    private func launch(
        _ command: Command,
        as identity: ExecutionIdentity,
        from store: any CredentialStore,
        _ failures: LaunchFailureReporter
    ) async throws(LaunchError) -> LaunchedProcess {
        let account = identity.account.name
        let version: CredentialVersion
        let password: PasswordPipe
        do throws(CredentialStoreError) {
            switch try await store.check(account) {
            case .usable(let usable): version = usable
            case .badLogin(let badLogin):
                throw CredentialStoreError(.rejected, message: badLogin.message)
            }
            let secret = try await store.secret(for: account, version: version)
            do throws(Errno) {
                password = try PasswordPipe(holding: secret)
            } catch {
                throw CredentialStoreError(.memoryUnavailable, message: "there is no pipe for the password: \(error)")
            }
        } catch {
            throw failures.failure(.credentialUnavailable, .authenticate, nil, error.message)
        }
        // Before somebody else has the turn, and whatever becomes of the launch.
        defer { password.takeBack() }
        do throws(LaunchError) {
            let process = try await launch(command, as: identity, with: password.reading, failures)
            await record(.accepted, for: account, version: version, in: store)
            return process
        } catch {
            if let verdict = error.sessionRefusal?.verdictOnPassword {
                await record(verdict, for: account, version: version, in: store)
            }
            throw error
        }
    }

    /// Records what came of a password, also for a task that was cancelled meanwhile.
    ///
    /// The job runs, or does not, whatever becomes of the record. One that is lost costs another try.
    private func record(
        _ verdict: CredentialVerdict,
        for account: AccountName,
        version: CredentialVersion,
        in store: any CredentialStore
    ) async {
        let logger = Logger.current
        let record = Task {
            do throws(CredentialStoreError) {
                try await store.record(verdict, for: account, version: version)
            } catch {
                logger.warning(
                    "What came of a credential could not be recorded",
                    metadata: ["account": "\(account)", "error": "\(error)"]
                )
            }
        }
        await record.value
    }

    /// Takes over a job that an earlier daemon of this user has launched in a session, which goes on with it.
    ///
    /// - Parameters:
    ///   - reference: The job, as ``LaunchedProcess/reference`` has named it.
    ///   - identity: Whom it runs as.
    /// - Returns: The running process.
    /// - Throws: ``LaunchError``.
    public func adopt(
        _ reference: JobReference,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        try await helper.adopt(reference, as: identity, backend)
    }
}
