import FoundationEssentials
import Impersonation
import ImpersonationTesting
import SystemPackage

/// A worker of a test: its accounts, its policy and its registry.
struct Site {
    static let now = Date(timeIntervalSince1970: 1_800_000_000)
    static let configuration = FilePath("/etc/qb.conf")

    var policy: ExecutionPolicy
    var directory: InMemoryAccountDirectory
    var registry: any ProxyRegistry
    var currentAccount: CurrentAccount
    var now: Date

    init(
        _ mode: ExecutionMode? = nil,
        accounts: [Account]? = nil,
        grants: [Grant] = [],
        change: (inout ExecutionPolicy) throws -> Void = { _ in }
    ) async throws {
        var policy = ExecutionPolicy()
        if let mode { policy.mode = Sourced(mode, from: Self.line(1)) }
        try change(&policy)
        let registry = InMemoryProxyRegistry()
        for grant in grants { try await registry.add(grant) }
        self.policy = policy
        self.directory = InMemoryAccountDirectory(try accounts ?? Self.people(), groups: ["render": GroupID(3_001)])
        self.registry = registry
        self.currentAccount = CurrentAccount { directory throws(AccountDirectoryError) in
            try await directory.account(withID: UserID(2_200), freshness: .cached)
        }
        self.now = Self.now
    }

    static func line(_ number: Int) -> RuleSource { .file(configuration, line: number) }

    /// The accounts of the test bed, as far as a decision can tell them apart.
    static func people() throws -> [Account] {
        [
            try .forTesting("root", uid: 0),
            try .forTesting("toor", uid: 0),
            try .forTesting("svc999", uid: 999),
            try .forTesting("alice", uid: 2_001, groups: [3_001, 3_002]),
            try .forTesting("bob", uid: 2_002),
            try .forTesting("bob2", uid: 2_002, groups: [3_003]),
            try .forTesting("carol", uid: 2_003, groups: [3_001]),
            try .forTesting("rootgroup", uid: 2_004, groups: [0, 3_003]),
            try .forTesting("rootprimary", uid: 2_005, gid: 0),
            try .forTesting("machine$", uid: 2_016),
            try .forTesting("engineers", uid: 11_115, isGroup: true),
            try .forTesting("nochange", uid: .max, gid: 2_017),
            try .forTesting("nochange16", uid: 2_018, groups: [65_535]),
            try .forTesting("qubeproxy", uid: 2_100, groups: [3_003]),
            try .forTesting("render_user", uid: 2_101, groups: [3_001, 3_002, 3_003]),
            try .forTesting("worker", uid: 2_200),
            try .forTesting(#"MYCORP\someuser"#, uid: 11_103, gid: 10_513, groups: [11_104]),
            try .forTesting(#"OTHER\someuser"#, uid: 12_103, gid: 12_513),
            try .forTesting(#"MYCORP\qubeproxy"#, uid: 11_105, gid: 10_513),
        ]
    }

    var resolver: PolicyResolver {
        PolicyResolver(
            policy: policy,
            directory: directory,
            registry: registry,
            currentAccount: currentAccount,
            now: { [now] in now }
        )
    }

    func resolve(_ login: String?, as account: String? = nil, from address: String? = nil) async throws -> Resolution {
        try await resolver.resolve(
            ExecutionRequest(login: login, requestedAccount: account, remoteAddress: address)
        )
    }

    /// Decides a request that nothing can be decided for, and returns the failure.
    func failure(_ login: String?, as account: String? = nil) async throws -> ResolutionError? {
        do {
            _ = try await resolve(login, as: account)
            return nil
        } catch let error as ResolutionError {
            return error
        }
    }

    func bind(_ login: String, to account: String, at date: Date = now) async throws {
        _ = try await registry.bind(
            try AccountName(login),
            to: try AccountName(account),
            onConflict: .replace,
            at: date,
            from: nil
        )
    }
}

extension Grant {
    /// A grant for a test.
    static func of(
        _ login: String,
        _ account: String,
        until: Date? = nil,
        from networks: [String]? = nil
    ) throws -> Grant {
        Grant(
            login: try AccountName(login),
            account: try AccountName(account),
            until: until,
            addresses: networks.map { .networks($0.compactMap { NetworkPrefix($0) }) } ?? .anywhere
        )
    }
}

extension Resolution {
    var denial: Denial? {
        guard case .denied(let denial, _) = self else { return nil }
        return denial
    }

    var badLogin: BadLogin? {
        guard case .badLogin(let badLogin, _) = self else { return nil }
        return badLogin
    }

    /// The account the job runs as, or `nil` when it does not run.
    var runsAs: String? { identity?.account.name.spelling }

    /// The names of the rules that had a say, in order.
    var rules: [String] { explanation.entries.map(\.rule) }

    /// The rule that decided.
    var decidedBy: Explanation.Entry? { explanation.entries.last }
}
