import Damage
import FoundationEssentials
import Impersonation
import ImpersonationTesting
import SystemPackage

/// A site and a request made of everything that goes wrong at real ones, by chance.
struct RandomCase: Sendable {
    static let workerID = UserID(3_000)

    var site: Site
    var request: ExecutionRequest
    var grants: [Grant] = []

    private static let names = [
        "root", "alice", "bob", "bob2", "worker", "render", "qubeproxy", "daemon", #"MYCORP\alice"#, #"MYCORP\render"#,
        #"MYCORP\bob"#, #"OTHER\alice"#, "alice@mycorp.test", "render@MYCORP", "host$", "Alice",
    ]
    private static let noNames = ["", " alice", "0", "-u", "a\nb", "alice;id", #"A\B\c"#, "\u{202E}ecila"]
    private static let ids: [UInt32] = [0, 1, 999, 1_000, 2_001, 2_002, 3_000, 65_534, 65_535, .max]
    private static let domains: [String?] = [nil, nil, nil, "MYCORP", "OTHER", "", "MY CORP", "mycorp.test"]

    init(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        site = try await Site(random.pick([.user, .user, .proxy, .desktop]), accounts: try Self.accounts(&random)) {
            policy in
            policy = try Self.changed(policy, &random)
        }
        request = ExecutionRequest(
            login: random.happens(5) ? nil : Self.name(&random),
            requestedAccount: random.happens(50) ? nil : Self.name(&random),
            remoteAddress: random.pick([nil, "10.0.0.1", "10.0.0.11", "::1", "nonsense"])
        )
        if random.happens(10) { request.pinnedUserID = UserID(rawValue: random.pick(Self.ids)) }
        try lie(&random)
        try grant(&random)
        site.currentAccount = CurrentAccount { directory throws(AccountDirectoryError) in
            try await directory.account(withID: Self.workerID, freshness: .cached)
        }
    }

    /// The registry answers nothing but what was granted; `keepingGrants` false makes the same site without any.
    func resolver(keepingGrants: Bool = true) -> PolicyResolver {
        var site = site
        if !keepingGrants {
            site.registry = FixedProxyRegistry {
                ProxyStanding(login: $0, grants: [], binding: nil, isProxyAccount: false)
            }
        }
        return site.resolver
    }

    private static func name(_ random: inout SeededGenerator) -> String {
        random.happens(8) ? random.pick(noNames) : random.pick(names)
    }

    private static func accounts(_ random: inout SeededGenerator) throws -> [Account] {
        var accounts = [try Account.forTesting("worker", uid: workerID.rawValue, gid: random.pick([3_000, 3_000, 0]))]
        for (index, name) in names.enumerated() where name != "worker" && random.happens(70) {
            let ordinary = UInt32(2_000 + index)
            accounts.append(
                try .forTesting(
                    name,
                    uid: random.happens(25) ? random.pick(ids) : ordinary,
                    gid: random.happens(15) ? random.pick(ids) : ordinary,
                    groups: random.happens(30) ? [3_001, random.pick(ids)] : [3_001]
                )
            )
        }
        return accounts
    }

    private static func changed(
        _ policy: ExecutionPolicy,
        _ random: inout SeededGenerator
    ) throws -> ExecutionPolicy {
        var policy = policy
        policy.proxyAccount = Sourced(random.pick(["qubeproxy", "render", "alice", "root", "worker", name(&random)]))
        policy.hostDomain = Sourced(random.pick(domains))
        if random.happens(30) {
            policy.visibleDomains = Sourced(["OTHER", "MYCORP", "MY CORP"].shuffled(using: &random).dropLast())
        }
        var rules: [any AccountRule] = []
        if random.happens(50) { rules.append(MinimumUserIDRule(1_000)) }
        if random.happens(15) { rules.append(DeniedAccountsRule([try AccountName(random.pick(names))])) }
        if random.happens(10) { rules.append(AllowedAccountsRule([try AccountName(random.pick(names))])) }
        if random.happens(10) { rules.append(DeniedGroupsRule([.id(GroupID(rawValue: random.pick(ids)))])) }
        if random.happens(10) { rules.append(AllowedGroupsRule([.named(random.pick(["render", "nonsense"]))])) }
        policy.accountRules = AccountRules(rules)
        return policy
    }

    /// Makes the directory answer some names with other accounts, and fail for others.
    private func lie(_ random: inout SeededGenerator) throws {
        while random.happens(30) {
            let answer = try Account.forTesting(random.pick(Self.names), uid: random.pick(Self.ids))
            site.directory.answer(try AccountName(random.pick(Self.names)), with: answer)
        }
        if random.happens(8) { site.directory.fail(.account(named: try AccountName(random.pick(Self.names)))) }
        if random.happens(2) { site.directory.failEverything() }
    }

    /// Fills the registry with grants and bindings, broken promises included.
    private mutating func grant(_ random: inout SeededGenerator) throws {
        var bindings: [Binding] = []
        // The first grant is about the request, or hardly any case would ever need the one it has.
        let login = request.login.flatMap { try? AccountName($0).spelling }
        let account = request.requestedAccount.flatMap { try? AccountName($0).spelling }
        while random.happens(grants.isEmpty ? 80 : 30) {
            let grant = try Grant.of(
                grants.isEmpty ? login ?? "alice" : random.pick(Self.names),
                grants.isEmpty ? account ?? "render" : random.pick(Self.names),
                until: random.pick([nil, nil, Site.now, Site.now.addingTimeInterval(-1)]),
                from: random.pick([nil, nil, ["10.0.0.0/8"], []])
            )
            grants.append(grant)
            if random.happens(30) {
                let account = random.happens(80) ? grant.account : try AccountName(random.pick(Self.names))
                bindings.append(Binding(login: grant.login, account: account, since: Site.now))
            }
        }
        let fails = random.happens(3)
        site.registry = FixedProxyRegistry { [grants, bindings] login in
            if fails { throw CancellationError() }
            return ProxyStanding(
                login: login,
                grants: grants.filter { $0.login == login },
                binding: bindings.first { $0.login == login },
                isProxyAccount: grants.contains { $0.account == login }
            )
        }
    }
}
