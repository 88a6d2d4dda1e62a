import ImpersonationTesting
import SystemPackage
import Testing

@testable import Impersonation

@Suite("Lists of groups")
struct GroupListRulesTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var list: [String]
        var denies: Bool
        var allows: Bool
        var testDescription: String { "\(list)" }
    }

    /// An account with the primary group 50 (staff) and the supplementary group 3001 (render).
    static func alice() throws -> Account { try .forTesting("alice", uid: 2_001, gid: 50, groups: [3_001]) }

    static let cases: [Case] = [
        Case(list: [], denies: false, allows: false),
        Case(list: ["render"], denies: true, allows: true),
        Case(list: ["staff"], denies: true, allows: true),
        Case(list: ["3001"], denies: true, allows: true),
        Case(list: ["50"], denies: true, allows: true),
        Case(list: ["4000"], denies: false, allows: false),
        Case(list: ["video"], denies: false, allows: false),
        Case(list: ["nonsense"], denies: false, allows: false),
        Case(list: ["nonsense", "render"], denies: true, allows: true),
        Case(list: ["nonsense", "video"], denies: false, allows: false),
    ]

    @Test("mean the primary group and every other, by name or number", arguments: cases)
    func membership(expected: Case) async throws {
        let bench = RuleBench(groups: ["render": GroupID(3_001), "staff": GroupID(50), "video": GroupID(3_002)])
        let groups = try expected.list.map { try #require(GroupReference($0)) }
        let alice = try Self.alice()
        if expected.list.contains("nonsense"), !expected.denies {
            await #expect(throws: AccountDirectoryError.self) {
                _ = try await bench.reason(of: DeniedGroupsRule(groups), on: alice)
            }
        } else {
            let denied = try await bench.reason(of: DeniedGroupsRule(groups), on: alice)
            #expect(denied == (expected.denies ? .deniedGroup : nil))
        }
        let allowed = try await bench.reason(of: AllowedGroupsRule(groups), on: alice)
        #expect(allowed == (expected.allows ? nil : .notAllowedGroup))
    }

    @Test("that the directory does not know are no groups to be allowed by, and decide nothing when denied")
    func unknown() async throws {
        let entries = [Sourced(GroupReference.named("nonsense"), from: .file("/etc/qb.conf", line: 6))]
        let error = await #expect(throws: AccountDirectoryError.self) {
            try await RuleBench().verdict(of: DeniedGroupsRule(entries), on: Self.alice())
        }
        #expect(error?.code == .inconsistentAnswer)
        #expect(error?.description.contains("nonsense") == true)
        #expect(error?.message.contains("/etc/qb.conf:6") == true)
        let allowed = try await RuleBench().verdict(of: AllowedGroupsRule(entries), on: Self.alice())
        #expect(allowed.text.contains("; the directory does not know nonsense (/etc/qb.conf:6);"))
    }

    @Test("that deny decide nothing for an account that may have other groups, unless one of those it has is denied")
    func incomplete() async throws {
        let alice = try Account.forTesting("alice", uid: 2_001, gid: 50, groups: [3_001], groupsAreComplete: false)
        let error = await #expect(throws: AccountDirectoryError.self) {
            try await RuleBench().verdict(of: DeniedGroupsRule([.id(GroupID(3_002))]), on: alice)
        }
        #expect(error?.code == .unavailable)
        let denied = try await RuleBench().reason(of: DeniedGroupsRule([.id(GroupID(3_001))]), on: alice)
        #expect(denied == .deniedGroup)
        // A job has the groups that are listed and no others, so a hanging directory keeps no local account from them.
        #expect(try await RuleBench().verdict(of: SuperuserGroupRule(), on: alice) == .notConcerned)
        let wheel = try Account.forTesting("wheel", uid: 2_002, groups: [0], groupsAreComplete: false)
        #expect(try await RuleBench().reason(of: SuperuserGroupRule(), on: wheel) == .superuserGroup)
    }

    @Test("know the line of each entry")
    func lines() async throws {
        let entries: [Sourced<GroupReference>] = [
            Sourced(.named("video"), from: .file("/etc/qb.conf", line: 4)),
            Sourced(.named("render"), from: .file("/etc/qb.conf", line: 9)),
        ]
        let denied = try await RuleBench().verdict(of: DeniedGroupsRule(entries), on: Self.alice())
        #expect(denied.source?.description == "/etc/qb.conf:9")
        #expect(denied.text.contains("the group render (gid 3001), which is denied (/etc/qb.conf:9)"))
        let allowed = try await RuleBench().verdict(of: AllowedGroupsRule(entries), on: Self.alice())
        #expect(allowed.source?.description == "/etc/qb.conf:9")
    }

    @Test("cannot be decided while a group cannot be looked up")
    func outage() async throws {
        let bench = RuleBench()
        bench.directory.fail(.group(named: "render"))
        for rule in [DeniedGroupsRule([.named("render")]), AllowedGroupsRule([.named("render")])] as [any AccountRule] {
            await #expect(throws: AccountDirectoryError.testOutage) {
                _ = try await bench.verdict(of: rule, on: Self.alice())
            }
        }
        #expect(bench.directory.lookups.allSatisfy { $0.freshness == .cached })
    }

    @Test(
        "take digits for a number and everything else for a name",
        arguments: [
            ("render", .named("render")), ("0", .id(GroupID(0))), ("3001", .id(GroupID(3_001))),
            (#"MYCORP\web team"#, .named(#"MYCORP\web team"#)), ("3d", .named("3d")), ("-1", .named("-1")),
            ("", nil), ("4294967296", nil), ("4294967295", nil), ("65535", nil),
        ] as [(String, GroupReference?)]
    )
    func references(text: String, reference: GroupReference?) {
        #expect(GroupReference(text) == reference)
    }
}
