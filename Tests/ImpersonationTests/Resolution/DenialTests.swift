import FoundationEssentials
import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

@Suite("A request is denied")
struct DenialTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var reason: Denial.Reason
        var rule: String
        var login: String?
        var requested: String?
        var says: String
        var site: @Sendable () async throws -> Site

        init(
            _ reason: Denial.Reason,
            by rule: String,
            login: String?,
            as requested: String? = nil,
            says: String,
            site: @escaping @Sendable () async throws -> Site = { try await Site(.user) }
        ) {
            self.reason = reason
            self.rule = rule
            self.login = login
            self.requested = requested
            self.says = says
            self.site = site
        }

        var testDescription: String { "\(reason): \(login ?? "nobody") as \(requested ?? "nobody in particular")" }
    }

    /// A site in user mode with one more rule.
    @Sendable
    static func site(_ rule: @autoclosure @Sendable () throws -> any AccountRule) async throws -> Site {
        let rule = try rule()
        return try await Site(.user) { $0.accountRules = AccountRules([rule]) }
    }

    /// A site in user mode with grants and a binding.
    @Sendable
    static func site(grants: [(String, String)], bound: String) async throws -> Site {
        let site = try await Site(.user, grants: grants.map { try .of($0.0, $0.1) })
        try await site.bind(grants[0].0, to: bound)
        return site
    }

    static let cases: [Case] = [
        Case(.noAccountNamed, by: "login", login: nil, says: "comes from nobody"),
        Case(.noAccountNamed, by: "login", login: "", says: "comes from nobody"),
        Case(.noAccountNamed, by: "login", login: nil, as: "bob", says: "comes from nobody"),
        Case(.noAccountNamed, by: "login", login: nil, says: "comes from nobody") { try await Site(.proxy) },
        Case(.noAccountNamed, by: "login", login: nil, says: "comes from nobody") { try await Site(.desktop) },
        Case(.invalidAccountName, by: "login", login: " alice", says: #"the login user of the request: " alice""#),
        Case(.invalidAccountName, by: "login", login: "0", says: "reads as a number") { try await Site(.proxy) },
        Case(.invalidAccountName, by: "login", login: "-u", says: "option") { try await Site(.desktop) },
        Case(.invalidAccountName, by: "requestedAccount", login: "alice", as: "bob\nroot", says: #""bob\u{A}root""#),
        Case(.invalidAccountName, by: "requestedAccount", login: "alice", as: "", says: "it is empty"),
        Case(.notGranted, by: "grant", login: "alice", as: "bob", says: "alice has no grant to act as bob"),
        Case(.notGranted, by: "grant", login: "alice", as: "stranger", says: "has no grant to act as stranger"),
        Case(.notGranted, by: "grant", login: "bob", as: "bob2", says: "bob has no grant to act as bob2"),
        Case(.notGranted, by: "grant", login: "alice", as: "Bob", says: "has no grant to act as Bob") {
            try await Site(.user, grants: [.of("alice", "bob")])
        },
        Case(.notGranted, by: "grant", login: "alice", as: #"MYCORP\someuser"#, says: "no grant to act as MYCORP") {
            try await Site(.user, grants: [.of("alice", "someuser"), .of("alice", #"OTHER\someuser"#)])
        },
        Case(.grantExpired, by: "grant", login: "alice", as: "bob", says: "ended at 2027-01-15T07:59:59Z") {
            try await Site(.user, grants: [.of("alice", "bob", until: Site.now.addingTimeInterval(-1))])
        },
        Case(.grantNotForAddress, by: "grant", login: "alice", as: "bob", says: "only for 10.0.0.0/8") {
            try await Site(.user, grants: [.of("alice", "bob", from: ["10.0.0.0/8"])])
        },
        Case(.proxyMayNotProxy, by: "proxyMayNotProxy", login: "bob", as: "carol", says: "itself a proxy account") {
            try await Site(.user, grants: [.of("alice", "bob")])
        },
        Case(.proxyMayNotProxy, by: "proxyMayNotProxy", login: "qubeproxy", as: "carol", says: "the worker's own proxy")
        {
            try await Site(.user, grants: [.of("qubeproxy", "carol")])
        },
        Case(
            .boundToAnotherAccount,
            by: "binding",
            login: "alice",
            as: "carol",
            says: "alice acts as bob right now, one account at a time, so it cannot act as carol as well: name no "
                + "account, or clear the binding of alice first"
        ) {
            try await site(grants: [("alice", "bob"), ("alice", "carol")], bound: "bob")
        },
        Case(.superuser, by: "superuser", login: "root", says: "user id 0"),
        Case(.superuserGroup, by: "superuserGroup", login: "rootgroup", says: "group 0"),
        Case(.superuserGroup, by: "superuserGroup", login: "rootprimary", says: "group 0"),
        Case(.reservedID, by: "reservedID", login: "nochange", says: "4294967295"),
        Case(.reservedID, by: "reservedID", login: "nochange16", says: "65535"),
        Case(.machineAccount, by: "machineAccount", login: "machine$", says: "belongs to a machine"),
        Case(.groupAccount, by: "groupAccount", login: "engineers", says: "is a group of the domain"),
        Case(.belowMinimumUserID, by: "minimumUserID", login: "svc999", says: "below the minimum of 1000 (built-in)"),
        Case(.deniedAccount, by: "deniedAccounts", login: "bob", says: "(/etc/qb.conf:7)") {
            try await site(DeniedAccountsRule([AccountName("bob")], from: Site.line(7)))
        },
        Case(.notAllowedAccount, by: "allowedAccounts", login: "bob", says: "(/etc/qb.conf:8)") {
            try await site(AllowedAccountsRule([AccountName("alice")], from: Site.line(8)))
        },
        Case(.deniedGroup, by: "deniedGroups", login: "carol", says: "the group render (gid 3001)") {
            try await site(DeniedGroupsRule([.named("render")], from: Site.line(9)))
        },
        Case(.notAllowedGroup, by: "allowedGroups", login: "bob", says: "in none of 1 allowed groups") {
            try await site(AllowedGroupsRule([.named("render")], from: Site.line(10)))
        },
        Case(.nameMismatch, by: "nameAgreement", login: "someuser", says: #"answered with MYCORP\someuser"#) {
            let site = try await Site(.user)
            site.directory.answer(try AccountName("someuser"), with: try .forTesting(#"MYCORP\someuser"#, uid: 11_103))
            return site
        },
        Case(.userIDMismatch, by: "pinnedID", login: "alice", says: "had user id 1 when") { try await Site(.user) },
    ]

    @Test("by the rule that says so, with a reason and a remedy", arguments: cases)
    func isDenied(expected: Case) async throws {
        var request = ExecutionRequest(login: expected.login, requestedAccount: expected.requested)
        if expected.reason == .userIDMismatch { request.pinnedUserID = UserID(1) }
        let resolution = try await expected.site().resolver.resolve(request)
        let denial = try #require(resolution.denial)
        #expect(denial.reason == expected.reason)
        #expect(denial.message.contains(expected.says), "\(denial.message)")
        #expect(resolution.decidedBy?.rule == expected.rule)
        #expect(resolution.decidedBy?.text == denial.message)
        #expect(resolution.identity == nil)
    }

    @Test("for every reason there is in at least one of these cases")
    func everyReason() {
        let all: Set<Denial.Reason> = [
            .noAccountNamed, .invalidAccountName, .notGranted, .grantExpired, .grantNotForAddress, .proxyMayNotProxy,
            .boundToAnotherAccount, .superuser, .superuserGroup, .belowMinimumUserID, .deniedAccount,
            .notAllowedAccount, .deniedGroup, .notAllowedGroup, .nameMismatch, .userIDMismatch, .reservedID,
            .machineAccount, .groupAccount,
        ]
        #expect(Set(Self.cases.map(\.reason)) == all)
    }

    @Test(
        "without any control character in what it says",
        arguments: ["a\u{1B}[31m", "a\u{202E}b", "a\r\nb", "a\u{7}"]
    )
    func escapes(evil: String) async throws {
        let requests = [
            ExecutionRequest(login: evil), ExecutionRequest(login: "alice", requestedAccount: evil),
            ExecutionRequest(login: "alice", requestedAccount: "bob", remoteAddress: evil),
        ]
        for mode in ExecutionMode.allCases {
            let resolver = try await Site(mode, grants: [.of("alice", "bob", from: ["10.0.0.1"])]).resolver
            for request in requests {
                let explanation = try await resolver.resolve(request).explanation
                for text in explanation.entries.map(\.text) + explanation.alternatives {
                    #expect(text.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "\(text.debugDescription)")
                }
            }
        }
    }
}
