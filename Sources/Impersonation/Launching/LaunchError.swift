public import SystemPackage

/// A process could not be started or taken over, or its end is not known.
///
/// What may be left of a launch that has failed, and when something of the job has run all the same, is at ``ProcessLauncher``.
public struct LaunchError: Error, Sendable, Hashable {
    /// What kind of failure it was; stable across versions.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code as reports and logs spell it.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// The command cannot be run as it is described.
        public static let invalidCommand = Code("invalidCommand")

        /// The daemon lacks a privilege, or the kernel a feature, that the launch needs.
        public static let notPermitted = Code("notPermitted")

        /// A step on the way to the program failed.
        public static let stepFailed = Code("stepFailed")

        /// The program was not found, or the account may not run it.
        public static let executableNotStarted = Code("executableNotStarted")

        /// What the kernel says of the process is not what was asked for; it was ended.
        public static let verificationFailed = Code("verificationFailed")

        /// The program did not run within the deadline, and the launch was given up; or a job was not handed over in time,
        /// which is as it was.
        public static let deadlineExceeded = Code("deadlineExceeded")

        /// The process ended before the program ran, for example by a signal of the account's own processes.
        ///
        /// A signal that ends it in the very exec makes it a job that was ended by this signal, except in direct mode.
        public static let endedBeforeStart = Code("endedBeforeStart")

        /// The task that launched was cancelled before the program ran.
        public static let cancelled = Code("cancelled")

        /// The identity and the launcher do not fit.
        public static let unsuitableBackend = Code("unsuitableBackend")

        /// PAM does not let the account in: ``LaunchError/sessionRefusal`` says why.
        public static let accountRefused = Code("accountRefused")

        /// PAM could not open the session of the job.
        public static let sessionFailed = Code("sessionFailed")

        /// Whoever knows the account does not answer; try again later.
        public static let directoryUnavailable = Code("directoryUnavailable")

        /// There is no password that could be used for the account.
        public static let credentialUnavailable = Code("credentialUnavailable")

        /// The policy of the system helper, or of `sudo`, does not permit the launch.
        public static let refused = Code("refused")

        /// No system helper can be reached, or what answers in its place is not trusted, or speaks another version of the
        /// protocol.
        public static let helperUnavailable = Code("helperUnavailable")

        /// The system helper ended before its work was done.
        public static let helperLost = Code("helperLost")

        /// The process was killed, but stands in the kernel, mostly for a file system that does not answer.
        public static let stillRunning = Code("stillRunning")

        /// The exit status was taken by somebody else in this process, or whoever has seen it does not tell, or is there no more.
        public static let statusLost = Code("statusLost")
    }

    /// What kind of failure it was.
    public let code: Code

    /// The step that failed.
    public let step: LaunchStep

    /// The error number of the kernel, if it was a system call that failed.
    public let errno: Errno?

    /// The account that the job was to run as, or runs as.
    public private(set) var account: AccountName?

    /// The backend that tried.
    public private(set) var backend: LaunchBackend?

    /// What happened and what to do about it.
    ///
    /// It holds no argument and no environment.
    public let message: String

    /// What PAM answered, where it was PAM that did not let the job in.
    public let sessionRefusal: SessionRefusal?

    /// Why `sudo` did not run the job, when it was that.
    public private(set) var sudoRefusal: SudoRefusal?

    /// Why the job was being ended when its end was lost, or did not come; `nil` unless whoever got this error has ended it by
    /// waiting (``LaunchedProcess/exitReport(terminatingAfter:gracePeriod:)``).
    public private(set) var interruption: ExitReport.Interruption?

    /// Whether it was not to be started, but taken over.
    private(set) var isOfAdoption = false

    /// The same error, of a job that was to be taken over.
    func ofAdoption() -> LaunchError {
        var error = self
        error.isOfAdoption = true
        return error
    }

    /// The same error, of a job that is known: who waits for a process need not know whose it is.
    func named(_ account: AccountName, _ backend: LaunchBackend) -> LaunchError {
        var error = self
        error.account = error.account ?? account
        error.backend = error.backend ?? backend
        return error
    }

    /// The same error, of a job that was being ended.
    func after(_ interruption: ExitReport.Interruption) -> LaunchError {
        var error = self
        error.interruption = interruption
        return error
    }

    /// The same error, with the reason of `sudo`.
    func because(of refusal: SudoRefusal) -> LaunchError {
        var error = self
        error.sudoRefusal = refusal
        return error
    }

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: What kind of failure it was.
    ///   - step: The step that failed.
    ///   - errno: The error number of the kernel.
    ///   - account: The account that the job was to run as, or runs as.
    ///   - backend: The backend that tried.
    ///   - message: What happened and what to do about it.
    ///   - sessionRefusal: What PAM answered.
    public init(
        _ code: Code,
        step: LaunchStep,
        errno: Errno? = nil,
        account: AccountName? = nil,
        backend: LaunchBackend? = nil,
        message: String,
        sessionRefusal: SessionRefusal? = nil
    ) {
        self.code = code
        self.step = step
        self.errno = errno
        self.account = account
        self.backend = backend
        self.message = message
        self.sessionRefusal = sessionRefusal
    }
}

extension LaunchError {
    /// The account or its credential as PAM found them unusable; `nil` where that is not what failed.
    var badLogin: BadLogin? {
        guard let reason = sessionRefusal?.badLoginReason else { return nil }
        return BadLogin(reason, message: "account \(account.map { "\($0)" } ?? "?"): \(message)")
    }
}

extension LaunchError: CustomStringConvertible {
    /// One line for a person: account, step, what happened, what to do.
    public var description: String {
        let job = "the job\(account.map { " as \($0)" } ?? "")"
        let failure =
            switch (step, code) {
            case _ where isOfAdoption: "could not take over \(job)"
            case (.wait, .stillRunning): "\(job) does not end"
            case (.wait, _): "the end of \(job) is not known"
            default: "could not start \(job)"
            }
        let number = errno.map { ": \($0)" } ?? ""
        return "\(code.description): \(failure), step \(step)\(number): \(message)"
    }
}
