/// The account or its credential is not usable: Qube!'s *badlogin* state with a reason.
public struct BadLogin: Sendable, Hashable {
    /// Why the account or its credential is not usable; stable across versions.
    public struct Reason: Sendable, Hashable, CustomStringConvertible {
        /// The code as reports and logs spell it.
        public let description: String

        /// Creates a reason of a host's own; the library's are the static members.
        ///
        /// - Parameter description: The code as reports spell it, in lower camel case.
        public init(_ description: String) {
            self.description = description
        }

        /// No credential is registered for the account.
        public static let missing = Reason("credentialMissing")

        /// The registered credential was tried and rejected.
        public static let rejected = Reason("credentialRejected")

        /// The registered credential was accepted but has expired.
        public static let expired = Reason("credentialExpired")

        /// The directory knows no such account, and has no reason to doubt that there is none.
        public static let accountNotFound = Reason("accountNotFound")

        /// The directory knows no such account, or not in the first visible domain in which it is looked for, and nobody can tell
        /// whether that is because it is not reached.
        ///
        /// ``AccountDirectory/reasonsToDoubtAbsence()`` says why; of a directory that is known to be out of reach it is
        /// ``ResolutionError/Code/directoryUnavailable``.
        public static let accountUnconfirmed = Reason("accountUnconfirmed")

        /// The account is disabled.
        ///
        /// No module of PAM has a code for it: a disabled account is told as ``accountExpired`` or ``accountLocked``. For launchers and
        /// stores of a host's own.
        public static let accountDisabled = Reason("accountDisabled")

        /// The account is locked.
        ///
        /// `pam_winbind` with `krb5_auth` has one code (`PAM_MAXTRIES`) for that and for accounts that are disabled, have expired or may
        /// not log on at this hour.
        public static let accountLocked = Reason("accountLocked")

        /// The account has expired.
        ///
        /// `pam_winbind` has one code (`PAM_ACCT_EXPIRED`) for that and for accounts that are disabled.
        public static let accountExpired = Reason("accountExpired")

        /// The domain that would have to verify the credential cannot be reached.
        ///
        /// For launchers and stores of a host's own: this library never gives it, but ``LaunchError/Code/directoryUnavailable``.
        public static let domainUnreachable = Reason("domainUnreachable")

        /// The worker lacks the privilege that logging the account on needs.
        ///
        /// For launchers and stores of a host's own: this library never gives it, but ``LaunchError/Code/notPermitted``.
        public static let privilegeMissing = Reason("privilegeMissing")
    }

    /// Why the account or its credential is not usable.
    public let reason: Reason

    /// Which account it is, what happened, and what to do about it.
    public let message: String

    /// Creates a badlogin.
    ///
    /// - Parameters:
    ///   - reason: Why the account or its credential is not usable.
    ///   - message: Which account it is, what happened, and what to do about it.
    public init(_ reason: Reason, message: String) {
        self.reason = reason
        self.message = message
    }
}
