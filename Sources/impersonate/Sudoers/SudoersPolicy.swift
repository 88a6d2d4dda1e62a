import Glibc
import Impersonation
import QubeCompatibility
import SystemPackage

/// What the policy of a daemon denies, in the words of rules, as far as those can say it.
struct SudoersPolicy {
    let worker: Worker

    /// Whether the accounts were named in place of what the configuration says.
    var namesAccounts = false

    /// Whom jobs may run as.
    enum Choice {
        case accounts([Account])
        case members(of: [SudoersRules.Account])
        case everybody
    }

    /// Up to where every number is denied, whether it has an account by now or not: a package may make one tomorrow.
    private static let mostNumbers: UInt32 = 5_000

    /// Where systems end to number their own accounts (`SYS_UID_MAX` of login.defs(5)).
    private static let firstOfPeople: UInt32 = 1_000

    private var configuration: WorkerConfiguration { worker.configuration }

    /// Puts the targets into rules, without those whom the policy refuses.
    ///
    /// - Parameters:
    ///   - rules: The rules.
    ///   - choice: Whom jobs may run as.
    /// - Throws: `ToolFailure` when nobody is left, or one was named whom the daemon would refuse; `AccountDirectoryError`.
    func narrow(_ rules: inout SudoersRules, to choice: Choice) async throws {
        try await deny(&rules)
        switch choice {
        case .accounts(let accounts): try narrow(&rules, to: accounts)
        case .members(let groups): rules.targets = .members(of: groups)
        case .everybody: rules.targets = .everybody
        }
        guard case .accounts = choice else {
            deniedNumbers(&rules)
            return
        }
        // One of them, which the whole policy has permitted; and those that were named are checked by now.
        guard configuration.executionMode.value == .user, !namesAccounts else {
            rules.deniedAccounts = []
            rules.deniedGroups = []
            rules.deniedNames = []
            return
        }
    }

    private func narrow(_ rules: inout SudoersRules, to accounts: [Account]) throws {
        var permitted: [SudoersRules.Account] = []
        for account in accounts {
            guard let reason = try refusal(of: account, by: rules) else {
                permitted.append(SudoersRules.Account(account))
                continue
            }
            guard !namesAccounts else {
                throw ToolFailure("accountDenied", "\(account.name) \(reason), so no job runs as it; leave it out")
            }
        }
        guard !permitted.isEmpty else {
            throw ToolFailure(
                "nobodyAllowed",
                "the policy refuses each of the allowed accounts; no job needs a rule"
            )
        }
        rules.targets = .accounts(permitted)
        if configuration.executionMode.value == .user, configuration.allowedGroups.value != nil, !namesAccounts {
            rules.remarks.append("allowed_groups: accounts of allowed_accounts that are in none of them are refused")
        }
    }

    /// Why no job runs as an account, in so far as that is not a question of what is allowed.
    private func refusal(of account: Account, by rules: SudoersRules) throws -> String? {
        let number = account.userID.rawValue
        let minimum = configuration.minimumUserID.value
        if number == 0 { return "is the superuser" }
        if number < minimum { return "has user id \(number), and minimum_uid is \(minimum)" }
        let groups = account.groups + [account.groupID]
        if groups.contains(where: { $0.rawValue == 0 }) { return "is in the superuser's group" }
        if rules.deniedAccounts.contains(where: { $0.number == number }) { return "is one of denied_accounts" }
        let denied = rules.deniedGroups.first { denied in groups.contains { $0.rawValue == denied.number } }
        if denied != nil { return "is in one of denied_groups" }
        if LookupAccount.reserved.contains(number) { return "has a number of lookup processes" }
        try account.checkThatGroupsAreComplete("it is in a group that is denied")
        return nil
    }

    private func deny(_ rules: inout SudoersRules) async throws {
        for name in configuration.deniedAccounts.value {
            if let found = try await worker.directory.account(named: name, freshness: .cached) {
                let account = SudoersRules.Account(found)
                if account.number != 0 { rules.deniedAccounts.append(account) }
            } else if let word = SudoersWord.name(name.spelling) {
                rules.deniedNames.append(word)
            } else {
                rules.remarks.append("denied_accounts: there is no \(name.spelling) yet")
            }
        }
        for reference in configuration.deniedGroups.value {
            if let group = try await known(reference) {
                rules.deniedGroups.append(group)
            } else if case .named(let name) = reference, let word = SudoersWord.name(name) {
                rules.deniedNames.append("%" + word)
            } else {
                rules.remarks.append("denied_groups: there is no \(reference.description) yet")
            }
        }
    }

    /// Rules know no ranges, so `minimum_uid` is every number below it; where those are too many, the ones of the system and
    /// those that have an account on this machine.
    private func deniedNumbers(_ rules: inout SudoersRules) {
        let minimum = configuration.minimumUserID.value
        var numbers = Set(1..<max(1, min(minimum, Self.mostNumbers)))
        if minimum > Self.mostNumbers {
            numbers = Set(1..<Self.firstOfPeople).union(Self.localNumbers().filter { (1..<minimum).contains($0) })
            rules.remarks.append(
                "minimum_uid: accounts from \(Self.firstOfPeople) to below \(minimum) that come later, or from a directory, are "
                    + "refused"
            )
        }
        // The kernel reads them as "leave unchanged" (CVE-2019-14287).
        rules.deniedNumbers =
            numbers.sorted() + [UInt32(UInt16.max), .max]
            + LookupAccount.reserved.subtracting(numbers).sorted()
    }

    /// The numbers that `/etc/passwd` has.
    private static func localNumbers() -> [UInt32] {
        guard let file = unsafe fopen("/etc/passwd", "re") else { return [] }
        defer { unsafe fclose(file) }
        var numbers: [UInt32] = []
        while let entry = unsafe fgetpwent(file) { unsafe numbers.append(entry.pointee.pw_uid) }
        return numbers
    }

    /// A group by its name or its number.
    ///
    /// - Parameter reference: Either; never a text that was made of one to be shown, which is another name where that is odd.
    /// - Returns: Both.
    /// - Throws: `ToolFailure` when there is none; `AccountDirectoryError`.
    func group(_ reference: GroupReference) async throws -> SudoersRules.Account {
        if let group = try await known(reference) { return group }
        throw ToolFailure(
            "groupUnknown",
            "no group is called \(reference); create the group first, then print the rules"
        )
    }

    private func known(_ reference: GroupReference) async throws -> SudoersRules.Account? {
        switch reference {
        case .id(let id): return SudoersRules.Account(name: "", number: id.rawValue)
        case .named(let name):
            guard let id = try await worker.directory.groupID(named: name, freshness: .cached) else { return nil }
            return SudoersRules.Account(name: name, number: id.rawValue)
        }
    }
}

extension SudoersRules.Account {
    /// An account as rules name it.
    init(_ account: Account) {
        self.init(name: account.name.spelling, number: account.userID.rawValue)
    }
}
