import CHelperService
import Glibc
package import LaunchPlan
package import LaunchProtocol
import LocalAccounts
import NameLookup
package import SystemPackage

/// The account of an order, as the helper itself looks it up.
package struct AccountCheck: Hashable, Sendable {
    package let userID: UInt32
    package let groupID: UInt32
    /// Every group, the primary one included; of a local account those at least that anything depends on.
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

        /// It does not say in time in which groups a local account is, and something depends on that.
        case groupsUnknown

        /// It gives a local account the groups of the account of a domain with the same short name, this one for example.
        case namesake(UInt32)
    }

    /// Looks the account of an order up.
    ///
    /// A local account, which the local files answer for before any other service is asked, waits for no directory. Where one may know
    /// more groups of it than the files do, and something depends on those, another process asks for a short while. Any other
    /// account blocks for as long as the slowest service of `nsswitch.conf(5)` likes. The corresponding functions are
    /// `getpwnam_r(3)` and `getgrouplist(3)`.
    ///
    /// - Parameters:
    ///   - order: The order.
    ///   - services: Whom this machine asks for groups.
    ///   - deadline: When the job has to run.
    ///   - isDecisive: Whether something depends on other groups than these of a user id.
    /// - Throws: ``Mismatch`` when there is no such account, or it is not known.
    package init(
        of order: LaunchOrder,
        _ services: GroupServices,
        by deadline: ContinuousClock.Instant,
        otherGroupsMatter isDecisive: (_ userID: UInt32, _ groups: [UInt32]) -> Bool
    ) throws(Mismatch) {
        let name = String(decoding: order.account, as: UTF8.self)
        // Bytes that are no text would be asked for as another name.
        guard name.utf8.elementsEqual(order.account) else { throw .none }
        if services.mayLeaveThisMachine {
            let files = LocalFiles.ofThisHost()
            let entry = try Self.answer(files.problem) { () throws(LocalFilesProblem) in
                try files.entry(.accountName(name))
            }
            if case .passwd(let entry) = entry {
                try self.init(local: entry, files, order, by: deadline, isDecisive)
                return
            }
        }
        try self.init(named: name)
    }

    /// Asks the name service, in this process.
    private init(named name: String) throws(Mismatch) {
        var account = unsafe helper_account()
        defer { unsafe helper_account_free(&account) }
        let result: Int32?
        do throws(Errno) {
            result = try DomainCheck.confirmed(.passwdByName(name)) {
                let result = unsafe helper_account_look_up(name, &account)
                return result == -ENOENT ? nil : result
            }
        } catch {
            throw .unavailable(error)
        }
        guard let result else { throw .none }
        guard result == 0 else { throw .unavailable(Errno(rawValue: -result)) }
        guard let found = unsafe account.name, let home = unsafe account.home, let shell = unsafe account.shell else {
            throw .unavailable(.noMemory)
        }
        let spelling = unsafe String(cString: found)
        guard spelling.utf8.elementsEqual(name.utf8) else { throw .otherSpelling(spelling) }
        unsafe userID = account.user
        unsafe groupID = account.group
        groups = unsafe Self.groups(of: account)
        homeDirectory = unsafe String(cString: home)
        self.shell = unsafe String(cString: shell)
    }

    /// Takes what the local files say, which glibc asks first.
    private init(
        local entry: PasswdEntry,
        _ files: LocalFiles,
        _ order: LaunchOrder,
        by deadline: ContinuousClock.Instant,
        _ isDecisive: (UInt32, [UInt32]) -> Bool
    ) throws(Mismatch) {
        (userID, groupID) = (entry.userID.rawValue, entry.groupID.rawValue)
        (homeDirectory, shell) = (entry.homeDirectory.string, entry.shell.string)
        let listed = try Self.answer(nil) { () throws(LocalFilesProblem) in try files.certainGroups(of: entry.name) }
        let certain = listed.union([entry.groupID]).map(\.rawValue)
        // A daemon may leave groups out, so what is certain suffices where it has left out the rest.
        guard isDecisive(userID, certain) || !Set(order.credentials.groups).isSubset(of: certain) else {
            groups = certain
            return
        }
        groups = try Self.allGroups(of: entry, files, within: files.patience(of: deadline - .now))
    }

    /// The groups that all services together know of a local account.
    private static func allGroups(
        of entry: PasswdEntry,
        _ files: LocalFiles,
        within time: Duration
    ) throws(Mismatch) -> [UInt32] {
        do throws(Mismatch) {
            let groups = try ask(groupsOf: entry, within: time)
            let foreign = try answer(nil) { () throws(LocalFilesProblem) in
                try files.groupOfNamesake(of: entry, among: groups.map { GroupID(rawValue: $0) })
            }
            if let foreign { throw .namesake(foreign.rawValue) }
            return groups
        } catch {
            // Where no other service has groups of local accounts, those of the files are all; by glibc's own reading of them, since
            // a denial goes by it.
            guard error == .groupsUnknown, files.listsEveryGroup else { throw error }
            return try ask(groupsOf: entry, ofFilesAlone: true, within: time)
        }
    }

    private static func answer<Value>(
        _ problem: LocalFilesProblem?,
        _ question: () throws(LocalFilesProblem) -> Value
    ) throws(Mismatch) -> Value {
        do throws(LocalFilesProblem) {
            if let problem { throw problem }
            return try question()
        } catch {
            throw .unavailable(error.errno)
        }
    }

    /// Asks every service, by a process that is killed when one takes longer.
    ///
    /// - Parameters:
    ///   - entry: The account.
    ///   - asksFilesAlone: Whether nobody but the files of this machine is asked.
    ///   - time: How long it may take.
    /// - Returns: Its groups, the primary one included.
    /// - Throws: ``Mismatch`` where there is no answer in time, or none.
    private static func ask(
        groupsOf entry: PasswdEntry,
        ofFilesAlone asksFilesAlone: Bool = false,
        within time: Duration
    ) throws(Mismatch) -> [UInt32] {
        var account = unsafe helper_account()
        defer { unsafe helper_account_free(&account) }
        unsafe account.name = strdup(entry.name)
        guard unsafe account.name != nil else { throw .unavailable(.noMemory) }
        unsafe account.group = entry.groupID.rawValue
        let parts = time.components
        let milliseconds = parts.seconds * 1_000 + parts.attoseconds / 1_000_000_000_000_000
        let result = unsafe helper_account_ask_groups(
            &account,
            asksFilesAlone ? 1 : 0,
            Int32(clamping: max(1, milliseconds))
        )
        guard result == 0 else { throw result == -ETIMEDOUT ? .groupsUnknown : .unavailable(Errno(rawValue: -result)) }
        return unsafe groups(of: account)
    }

    @unsafe
    private static func groups(of account: helper_account) -> [UInt32] {
        unsafe (0..<Int(account.group_count)).compactMap { unsafe account.groups?[$0] }
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
