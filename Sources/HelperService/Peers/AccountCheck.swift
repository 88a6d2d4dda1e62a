import CHelperService
import Glibc
package import LaunchPlan
package import LaunchProtocol
package import SystemPackage

/// The account of an order, as the helper itself looks it up.
package struct AccountCheck: Hashable, Sendable {
    package let userID: UInt32
    package let groupID: UInt32
    /// Every group, the primary one included.
    package let groups: [UInt32]
    package let homeDirectory: String
    package let shell: String

    /// Why there is no account to go by.
    package enum Mismatch: Error, Hashable, Sendable {
        /// There is none of that name.
        case none

        /// The name service answers with another spelling, which may mean somebody else.
        case otherSpelling(String)

        /// The name service does not say.
        case unavailable(Errno)
    }

    /// Looks the account of an order up.
    ///
    /// It blocks for as long as the slowest service of `nsswitch.conf(5)` likes. The corresponding functions are
    /// `getpwnam_r(3)` and `getgrouplist(3)`.
    ///
    /// - Parameter order: The order.
    /// - Throws: ``Mismatch`` when there is no such account, or it is not known.
    package init(of order: LaunchOrder) throws(Mismatch) {
        let name = String(decoding: order.account, as: UTF8.self)
        // Bytes that are no text would be asked for as another name.
        guard name.utf8.elementsEqual(order.account) else { throw .none }
        var account = unsafe helper_account()
        let result = unsafe helper_account_look_up(name, &account)
        defer { unsafe helper_account_free(&account) }
        guard result == 0 else { throw result == -ENOENT ? .none : .unavailable(Errno(rawValue: -result)) }
        guard let found = unsafe account.name, let home = unsafe account.home, let shell = unsafe account.shell else {
            throw .unavailable(.noMemory)
        }
        let spelling = unsafe String(cString: found)
        guard spelling.utf8.elementsEqual(order.account) else { throw .otherSpelling(spelling) }
        unsafe userID = account.user
        unsafe groupID = account.group
        groups = unsafe (0..<Int(account.group_count)).compactMap { unsafe account.groups?[$0] }
        homeDirectory = unsafe String(cString: home)
        self.shell = unsafe String(cString: shell)
    }

    /// How what a daemon says of the account differs from it.
    ///
    /// A daemon may leave groups out.
    ///
    /// - Parameter credentials: The numbers of the daemon.
    /// - Returns: The difference, or `nil`.
    package func difference(from credentials: ChildPlan.Credentials) -> String? {
        if credentials.userID != userID { return "it has user id \(userID), not \(credentials.userID)" }
        if credentials.groupID != groupID { return "it has group id \(groupID), not \(credentials.groupID)" }
        return credentials.groups.first { !groups.contains($0) }.map { "it is no member of group \($0)" }
    }
}
