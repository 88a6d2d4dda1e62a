import CLaunchPlan
import LaunchProtocol

/// What PAM answered where it did not let a job in.
///
/// Modules do not agree on codes: `pam_winbind` has one for accounts that are locked, disabled and expired, `pam_sss` another one.
/// The reason says no more than the code and the step say for all of them; ``code``, ``text`` and ``messages`` are PAM's own.
public struct SessionRefusal: Sendable, Hashable {
    /// What the answer means; stable across versions.
    public struct Reason: Sendable, Hashable, CustomStringConvertible {
        /// The reason as reports and logs spell it.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// The password is wrong, for all that the module tells.
        ///
        /// `pam_krb5` says the same of the right password of an account that is locked or disabled, and so do directories of LDAP
        /// whose policy locks accounts: then the right one is given up as well, and has to be registered again.
        public static let wrongPassword = Reason("wrongPassword")

        /// The modules of the service know no such account, though the name service has just found it.
        ///
        /// The service has modules of another directory, or the directory's own daemon went away meanwhile: the account check of
        /// `pam_winbind` says so then. Nothing is said about the account.
        public static let unknownAccount = Reason("unknownAccount")

        /// The password has expired, or has to be changed first.
        public static let passwordExpired = Reason("passwordExpired")

        /// The account has expired or is disabled.
        public static let accountExpired = Reason("accountExpired")

        /// The account is locked, or disabled or expired: the module does not tell these apart.
        public static let locked = Reason("locked")

        /// Rules of the machine or of the directory do not let the account in here and now; some modules say so of disabled and
        /// locked accounts as well.
        public static let accessDenied = Reason("accessDenied")

        /// Whoever knows the account does not answer; nothing is said about the account.
        public static let serviceUnavailable = Reason("serviceUnavailable")

        /// A module asked for more than the password, for example for a new one or for a second factor.
        public static let questionUnanswered = Reason("questionUnanswered")

        /// The session could not be opened, whatever the account.
        public static let sessionFailed = Reason("sessionFailed")
    }

    /// What the answer means.
    public let reason: Reason

    /// PAM's own code, as `pam(3)` of Linux-PAM numbers them.
    public let code: Int32

    /// What PAM calls it (`pam_strerror(3)`).
    public let text: String

    /// What modules had to say, for a person; control characters are escaped.
    public let messages: [String]

    /// Whether a module has asked for the password, and got it: without, the answer is none about the password.
    public let hasSeenPassword: Bool

    /// Creates a refusal, for launchers of a host's own and for tests.
    ///
    /// - Parameters:
    ///   - reason: What the answer means.
    ///   - code: PAM's own code.
    ///   - text: What PAM calls it.
    ///   - messages: What modules had to say.
    ///   - hasSeenPassword: Whether a module has asked for the password, and got it.
    public init(
        _ reason: Reason,
        code: Int32,
        text: String,
        messages: [String] = [],
        hasSeenPassword: Bool = false
    ) {
        self.hasSeenPassword = hasSeenPassword
        self.reason = reason
        self.code = code
        self.text = text
        self.messages = messages
    }

    init(_ verdict: SessionVerdict, kind: FailureReport.Code, step: LaunchStep) {
        code = verdict.code
        text = verdict.text
        messages = verdict.messages
        hasSeenPassword = verdict.hasSeenPassword
        reason = Self.reason(verdict, kind, step)
    }

    // The numbers of Linux-PAM (`security/_pam_types.h`): a client of the library has no need of libpam.
    private static let permissionDenied: Int32 = 6
    private static let authenticationError: Int32 = 7
    private static let userUnknown: Int32 = 10
    private static let maximumTries: Int32 = 11
    private static let newTokenRequired: Int32 = 12
    private static let accountExpired: Int32 = 13
    private static let conversationError: Int32 = 19
    private static let tokenExpired: Int32 = 27

    private static func reason(_ verdict: SessionVerdict, _ kind: FailureReport.Code, _ step: LaunchStep) -> Reason {
        guard kind == .accountRefused else {
            return kind == .directoryUnavailable ? .serviceUnavailable : .sessionFailed
        }
        if verdict.wasAskedMore { return .questionUnanswered }
        return switch verdict.code {
        case authenticationError: step == .authenticate && verdict.hasSeenPassword ? .wrongPassword : .accessDenied
        case userUnknown: .unknownAccount
        case newTokenRequired, tokenExpired: .passwordExpired
        case accountExpired: .accountExpired
        case maximumTries: .locked
        case conversationError: .questionUnanswered
        default: .accessDenied
        }
    }

    /// What is to be remembered of the password that was used; `nil` where the answer is none about it.
    ///
    /// An account that is locked or has expired may be let in again tomorrow, with the same password; a directory in trouble
    /// says that it knows nobody.
    var verdictOnPassword: CredentialVerdict? {
        guard hasSeenPassword else { return nil }
        return switch reason {
        case .wrongPassword: .rejected(.rejected)
        case .passwordExpired: .rejected(.expired)
        default: nil
        }
    }

    /// What the answer means for whoever asked for the job; `nil` where it is none about the account.
    ///
    /// Nobody is launched whom the name service does not know, to the daemon and then to the helper. A module that does not know
    /// him either has been asked for somebody who is not its own, or cannot ask any more: that is no word about him.
    var badLoginReason: BadLogin.Reason? {
        switch reason {
        case .wrongPassword: .rejected
        case .passwordExpired: .expired
        case .accountExpired: .accountExpired
        case .locked: .accountLocked
        default: nil
        }
    }
}
