import Impersonation
import ImpersonationTesting
import SystemPackage

/// Puts one account before one rule.
struct RuleBench {
    var directory: InMemoryAccountDirectory
    var naming = AccountNaming.standard

    init(
        _ accounts: [Account] = [],
        groups: [String: GroupID] = ["render": GroupID(3_001), "staff": GroupID(50)]
    ) {
        self.directory = InMemoryAccountDirectory(accounts, groups: groups)
    }

    func verdict(
        of rule: any AccountRule,
        on account: Account,
        askedFor: String? = nil,
        pinned: ExecutionRequest = ExecutionRequest(login: "alice")
    ) async throws -> AccountVerdict {
        try await rule.judge(
            AccountCandidate(
                account: account,
                askedFor: try askedFor.map { try AccountName($0) } ?? account.name,
                request: pinned,
                naming: naming
            ),
            in: directory
        )
    }

    func reason(
        of rule: any AccountRule,
        on account: Account,
        askedFor: String? = nil
    ) async throws -> Denial.Reason? {
        try await verdict(of: rule, on: account, askedFor: askedFor).reason
    }
}

extension AccountVerdict {
    /// Why the account is refused, or `nil` when it is not.
    var reason: Denial.Reason? {
        guard case .refused(let denial, _) = self else { return nil }
        return denial.reason
    }

    /// The part of the rule that had the say, where it is more exact than the rule.
    var source: RuleSource? {
        switch self {
        case .passes(_, let source), .refused(_, let source): source
        case .notConcerned: nil
        }
    }

    var text: String {
        switch self {
        case .passes(let text, _): text
        case .refused(let denial, _): denial.message
        case .notConcerned: ""
        }
    }
}
