import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

@Suite("Lists of accounts")
struct AccountListRulesTests {
    static func people() throws -> [Account] {
        [
            try .forTesting("alice", uid: 2_001), try .forTesting("bob", uid: 2_002),
            try .forTesting("bob2", uid: 2_002, groups: [3_003]), try .forTesting(#"MYCORP\bob"#, uid: 11_102),
            try .forTesting(#"MYCORP\alias"#, uid: 11_102), try .forTesting(#"LAB\bob"#, uid: 11_102),
            try .forTesting(#"OTHER\bob"#, uid: 12_102),
        ]
    }

    static func account(_ name: String) throws -> Account {
        let name = try AccountName(name)
        return try #require(try people().first { $0.name == name })
    }

    static func names(_ names: [String]) throws -> [AccountName] { try names.map { try AccountName($0) } }

    struct Case: Sendable, CustomTestStringConvertible {
        var list: [String]
        var account: String
        var isRefused: Bool
        var hostDomain: String?
        var testDescription: String { "\(list) and \(account), host domain \(hostDomain ?? "none")" }
    }

    static let denied: [Case] = [
        Case(list: [], account: "alice", isRefused: false),
        Case(list: ["bob"], account: "alice", isRefused: false),
        Case(list: ["bob"], account: "bob", isRefused: true),
        Case(list: ["alice", "bob"], account: "bob", isRefused: true),
        Case(list: ["bob"], account: "bob2", isRefused: true),
        Case(list: ["bob2"], account: "bob", isRefused: true),
        Case(list: ["Bob"], account: "bob", isRefused: false),
        Case(list: ["gone"], account: "alice", isRefused: false),
        Case(list: ["bob"], account: #"MYCORP\bob"#, isRefused: true),
        Case(list: ["bob"], account: #"OTHER\bob"#, isRefused: true),
        Case(list: [#"MYCORP\bob"#], account: #"OTHER\bob"#, isRefused: false),
        Case(list: [#"MYCORP\bob"#], account: "bob", isRefused: false),
        Case(list: [#"mycorp\BOB"#], account: #"MYCORP\bob"#, isRefused: true),
        Case(list: ["bob@mycorp.test"], account: #"MYCORP\bob"#, isRefused: true),
        Case(list: [#"MYCORP\alias"#], account: #"MYCORP\bob"#, isRefused: true),
        Case(list: [#"LAB\bob"#], account: #"MYCORP\bob"#, isRefused: true),
        Case(list: ["alias"], account: #"MYCORP\bob"#, isRefused: false),
        Case(list: ["alias"], account: #"MYCORP\bob"#, isRefused: true, hostDomain: "MYCORP"),
    ]

    @Test("that are denied keep an account out under every name it has", arguments: denied)
    func isDenied(expected: Case) async throws {
        var bench = RuleBench(try Self.people())
        bench.naming = AccountNaming(hostDomain: expected.hostDomain)
        let rule = DeniedAccountsRule(try Self.names(expected.list))
        let reason = try await bench.reason(of: rule, on: Self.account(expected.account))
        #expect(reason == (expected.isRefused ? .deniedAccount : nil))
    }

    static let allowed: [Case] = [
        Case(list: [], account: "alice", isRefused: true),
        Case(list: ["bob"], account: "alice", isRefused: true),
        Case(list: ["bob"], account: "bob", isRefused: false),
        Case(list: ["alice", "bob"], account: "bob", isRefused: false),
        Case(list: ["bob"], account: "bob2", isRefused: true),
        Case(list: ["Bob"], account: "bob", isRefused: true),
        Case(list: ["bob"], account: #"MYCORP\bob"#, isRefused: true),
        Case(list: ["bob"], account: #"MYCORP\bob"#, isRefused: false, hostDomain: "MYCORP"),
        Case(list: ["bob"], account: #"OTHER\bob"#, isRefused: true, hostDomain: "MYCORP"),
        Case(list: ["bob"], account: "bob", isRefused: true, hostDomain: "MYCORP"),
        Case(list: [#"MYCORP\bob"#], account: "bob", isRefused: true),
        Case(list: [#"mycorp\BOB"#], account: #"MYCORP\bob"#, isRefused: false),
        Case(list: ["bob@mycorp.test"], account: #"MYCORP\bob"#, isRefused: false),
        Case(list: ["bob@mycorp.test"], account: #"OTHER\bob"#, isRefused: true),
        Case(list: [#"MYCORP\alias"#], account: #"MYCORP\bob"#, isRefused: true),
        Case(list: [#"LAB\bob"#], account: #"MYCORP\bob"#, isRefused: true),
    ]

    @Test("that are allowed let in exactly whom they name, and an empty one nobody", arguments: allowed)
    func isAllowed(expected: Case) async throws {
        var bench = RuleBench(try Self.people())
        bench.naming = AccountNaming(hostDomain: expected.hostDomain)
        bench.directory.answer(try AccountName("bob@mycorp.test"), with: try Self.account(#"MYCORP\bob"#))
        let rule = AllowedAccountsRule(try Self.names(expected.list))
        let reason = try await bench.reason(of: rule, on: Self.account(expected.account))
        #expect(reason == (expected.isRefused ? .notAllowedAccount : nil))
    }

    @Test("know the line of each entry")
    func lines() async throws {
        let entries = try [("bob", 4), ("alice", 9)]
            .map { Sourced(try AccountName($0.0), from: .file("/etc/qb.conf", line: $0.1)) }
        let bench = RuleBench(try Self.people())
        let alice = try Self.account("alice")
        let denied = try await bench.verdict(of: DeniedAccountsRule(entries), on: alice)
        #expect(denied.source?.description == "/etc/qb.conf:9")
        #expect(
            denied.text == "account alice is denied by name (/etc/qb.conf:9); name another account, or take alice off "
                + "denied_accounts"
        )
        let allowed = try await bench.verdict(of: AllowedAccountsRule(entries), on: alice)
        #expect(allowed.source?.description == "/etc/qb.conf:9")
        #expect(DeniedAccountsRule(entries).source.description == "/etc/qb.conf:4")
    }

    @Test("that are denied cannot be decided while one of the names cannot be looked up")
    func outage() async throws {
        let bench = RuleBench(try Self.people())
        bench.directory.fail(.account(named: try AccountName("gone")))
        let rule = DeniedAccountsRule(try Self.names(["gone"]))
        await #expect(throws: AccountDirectoryError.testOutage) {
            _ = try await bench.verdict(of: rule, on: Self.account("alice"))
        }
    }

    @Test("that name the account itself need no directory")
    func byName() async throws {
        let bench = RuleBench()
        bench.directory.failEverything()
        let alice = try Self.account("alice")
        let names = try Self.names(["x", "alice"])
        #expect(try await bench.reason(of: DeniedAccountsRule(names), on: alice) == .deniedAccount)
        #expect(try await bench.reason(of: AllowedAccountsRule(names), on: alice) == nil)
    }

    @Test("are looked up in the cache and never in stale answers")
    func freshness() async throws {
        let bench = RuleBench(try Self.people())
        _ = try await bench.verdict(of: DeniedAccountsRule(Self.names(["bob"])), on: Self.account("alice"))
        _ = try await bench.verdict(of: AllowedAccountsRule(Self.names(["Alice"])), on: Self.account("alice"))
        #expect(bench.directory.lookupCount == 2)
        #expect(bench.directory.lookups.allSatisfy { $0.freshness == .cached })
    }
}
