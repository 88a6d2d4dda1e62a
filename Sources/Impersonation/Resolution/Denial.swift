/// A request was refused by a rule.
public struct Denial: Sendable, Hashable {
    /// Why a request was refused; stable across versions.
    public struct Reason: Sendable, Hashable, CustomStringConvertible {
        /// The code as reports, logs and exit messages spell it.
        public let description: String

        /// Creates a reason of a host's own; the library's are the static members.
        ///
        /// - Parameter description: The code as reports spell it, in lower camel case.
        public init(_ description: String) {
            self.description = description
        }

        /// No login user was named: nothing ever defaults to the worker's own account.
        public static let noAccountNamed = Reason("noAccountNamed")

        /// The login means another account than the user id it was authenticated by.
        public static let loginMismatch = Reason("loginMismatch")

        /// What was written cannot be the name of an account.
        public static let invalidAccountName = Reason("invalidAccountName")

        /// The login user has no grant for the account.
        public static let notGranted = Reason("notGranted")

        /// The grant has ended.
        public static let grantExpired = Reason("grantExpired")

        /// The grant does not hold for the address the request came from.
        public static let grantNotForAddress = Reason("grantNotForAddress")

        /// The login is itself a proxy account and may not act for others.
        public static let proxyMayNotProxy = Reason("proxyMayNotProxy")

        /// The login is bound to another proxy account right now.
        public static let boundToAnotherAccount = Reason("boundToAnotherAccount")

        /// The account is the superuser, under whichever name.
        public static let superuser = Reason("superuser")

        /// The account belongs to the superuser's group.
        public static let superuserGroup = Reason("superuserGroup")

        /// The user id is below the configured minimum.
        public static let belowMinimumUserID = Reason("belowMinimumUserID")

        /// The account is on the list of denied accounts.
        public static let deniedAccount = Reason("deniedAccount")

        /// There is a list of allowed accounts and the account is not on it.
        public static let notAllowedAccount = Reason("notAllowedAccount")

        /// The account belongs to a denied group.
        public static let deniedGroup = Reason("deniedGroup")

        /// There is a list of allowed groups and the account is in none of them.
        public static let notAllowedGroup = Reason("notAllowedGroup")

        /// The directory answered with another account than was asked for.
        public static let nameMismatch = Reason("nameMismatch")

        /// The user id or group differs from the one pinned when the job was submitted.
        public static let userIDMismatch = Reason("userIDMismatch")

        /// The id is reserved by the kernel or the system calls and can never be switched to.
        public static let reservedID = Reason("reservedID")

        /// The account belongs to a machine or to the Kerberos service of a domain, not to a person.
        public static let machineAccount = Reason("machineAccount")

        /// The account is a group, which the directory gives for an account.
        public static let groupAccount = Reason("groupAccount")
    }

    /// Why the request was refused.
    public let reason: Reason

    /// What was refused, to which account, and what to do about it.
    public let message: String

    /// Creates a denial.
    ///
    /// - Parameters:
    ///   - reason: Why the request was refused.
    ///   - message: What was refused, to which account, and what to do about it.
    public init(_ reason: Reason, message: String) {
        self.reason = reason
        self.message = message
    }
}
