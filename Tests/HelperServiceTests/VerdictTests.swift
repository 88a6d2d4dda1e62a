import LaunchPlan
import SystemPackage
import Testing

@testable import HelperService

@Suite("The verdict of a policy")
struct VerdictTests {
    /// A launch that a policy without restrictions permits, with the differences that a test is about.
    private func request(
        _ account: String = "alice",
        uid: UInt32 = 2_001,
        gid: UInt32 = 2_001,
        groups: [UInt32] = [2_001],
        accountGroups: [UInt32]? = nil,
        change: (inout PolicyRequest) -> Void = { _ in }
    ) -> PolicyRequest {
        var request = PolicyRequest(
            account: Array(account.utf8),
            credentials: ChildPlan.Credentials(userID: uid, groupID: gid, groups: groups),
            accountGroups: accountGroups ?? groups,
            executables: ["/usr/bin/true"],
            wantsNewPrivileges: false,
            wantsInheritedBoundingSet: false,
            outlivesDaemon: false,
            startDeadline: .seconds(10)
        )
        change(&request)
        return request
    }

    private func refusal(_ policy: HelperPolicy, _ request: PolicyRequest) -> PolicyRefusal? {
        switch policy.verdict(on: request) {
        case .permitted: nil
        case .refused(let refusal): refusal
        }
    }

    @Test
    func `What is permitted comes with the numbers it is permitted for`() throws {
        let policy = try HelperPolicy.with("")
        let wanted = request()
        guard case .permitted(let permit) = policy.verdict(on: wanted) else {
            Issue.record("refused")
            return
        }
        #expect(permit.decision == .permitted)
        #expect(permit.credentials == wanted.credentials)
        #expect(permit.executables == nil)
    }

    /// One account, a policy, and what of it decides; `nil` permits.
    struct Case: Sendable, CustomTestStringConvertible {
        let policy: String
        let uid: UInt32
        var groups: [UInt32] = []
        let refusedBy: String?

        var testDescription: String { "\(policy.split(separator: "\n").joined(separator: "; ")): \(uid) \(groups)" }
    }

    @Test(
        "An account is decided by its numbers, and what denies goes first",
        arguments: [
            Case(policy: "accounts = *", uid: 0, refusedBy: "no job ever has uid 0"),
            Case(policy: "accounts = *", uid: .max, refusedBy: "no job ever has uid 4294967295"),
            Case(policy: "accounts = *\nminimum-uid = 1", uid: 0, refusedBy: "no job ever has uid 0"),
            Case(policy: "accounts = *", uid: 1_000, refusedBy: nil),
            Case(policy: "accounts = *", uid: 4_294_967_294, refusedBy: nil),
            Case(
                policy: "accounts = *",
                uid: 999,
                refusedBy: "/etc/impersonation/helper.conf (minimum-uid is not set): uid 999 is below 1000"
            ),
            Case(
                policy: "accounts = *\nminimum-uid = 2002",
                uid: 2_001,
                refusedBy: "/etc/impersonation/helper.conf:3: uid 2001 is below 2002"
            ),
            Case(policy: "accounts = *\nminimum-uid = 33", uid: 33, refusedBy: nil),
            Case(policy: "accounts = alice", uid: 2_001, refusedBy: nil),
            Case(
                policy: "accounts = alice",
                uid: 2_002,
                refusedBy: "/etc/impersonation/helper.conf:2: uid 2002 is not among the accounts"
            ),
            Case(policy: "accounts = @render", uid: 2_002, groups: [2_002, 3_001], refusedBy: nil),
            Case(
                policy: "accounts = @render",
                uid: 2_002,
                groups: [2_002],
                refusedBy: "/etc/impersonation/helper.conf:2: uid 2002 is not among the accounts"
            ),
            // The number of a user is no number of a group.
            Case(
                policy: "accounts = @render",
                uid: 3_001,
                groups: [2_002],
                refusedBy: "/etc/impersonation/helper.conf:2: uid 3001 is not among the accounts"
            ),
            Case(
                policy: "accounts = alice",
                uid: 2_002,
                groups: [2_001],
                refusedBy: "/etc/impersonation/helper.conf:2: uid 2002 is not among the accounts"
            ),
            Case(
                policy: "accounts = *\ndenied-accounts = alice",
                uid: 2_001,
                refusedBy: "/etc/impersonation/helper.conf:3: uid 2001 is denied"
            ),
            Case(
                policy: "accounts = alice\ndenied-accounts = alice",
                uid: 2_001,
                refusedBy: "/etc/impersonation/helper.conf:3: uid 2001 is denied"
            ),
            Case(
                policy: "accounts = alice\ndenied-accounts = @video",
                uid: 2_001,
                groups: [2_001, 44],
                refusedBy: "/etc/impersonation/helper.conf:3: uid 2001 is denied"
            ),
            Case(policy: "accounts = @render\ndenied-accounts = bob", uid: 2_001, groups: [3_001], refusedBy: nil),
        ]
    )
    func accounts(_ test: Case) throws {
        let policy = try HelperPolicy.reading("peers = renderd\n\(test.policy)\n")
        let found = refusal(policy, request(uid: test.uid, groups: test.groups))
        #expect(found?.detail == test.refusedBy.map { "account \"alice\": \($0)" })
        #expect(found == nil || found?.code == .account)
    }

    @Test
    func `A launcher that leaves groups out, or claims some, changes nothing`() throws {
        let denied = try HelperPolicy.with("denied-accounts = @video")
        #expect(
            refusal(denied, request(groups: [2_001], accountGroups: [2_001, 44]))?.detail
                == "account \"alice\": /etc/impersonation/helper.conf:3: uid 2001 is denied"
        )
        let permitted = try HelperPolicy.with("", accounts: "@render")
        #expect(refusal(permitted, request(groups: [2_001, 3_001], accountGroups: [2_001]))?.code == .account)
        #expect(refusal(permitted, request(groups: [2_001], accountGroups: [2_001, 3_001])) == nil)
    }

    @Test
    func `Whoever is refused as an account reads the same, and so does who does not exist`() throws {
        let policy = try HelperPolicy.reading(
            "peers = renderd\naccounts = alice @render\ndenied-accounts = bob\nminimum-uid = 1500\n"
        )
        let unknown = policy.refusal(ofUnknownAccount: Array("x".utf8))
        #expect(
            unknown.message
                == "the policy of the helper permits no job as \"x\"; root can permit the account in "
                + "/etc/impersonation/helper.conf"
        )
        var details: Set<String> = [unknown.detail]
        for (uid, groups) in [(0, []), (.max, []), (1_400, []), (2_002, [3_001]), (2_003, [])] as [(UInt32, [UInt32])] {
            let found = try #require(refusal(policy, request("x", uid: uid, groups: groups)))
            #expect(found.message == unknown.message)
            #expect(found.code == unknown.code)
            details.insert(found.detail)
        }
        // The log of the helper tells them apart.
        #expect(details.count == 6)
        // What is wrong with the rest of a request is only said of an account that is permitted.
        let bad = request("x", uid: 2_003, groups: [0]) {
            $0.wantsNewPrivileges = true
            $0.startDeadline = .seconds(9_999)
            $0.executables = ["none"]
        }
        #expect(refusal(policy, bad)?.message == unknown.message)
    }

    @Test(
        "Each group of a job is decided, the primary one as well",
        arguments: [
            ("", 0, [], "no job ever has it; remove the account from it"),
            ("", 2_001, [0], "no job ever has it; remove the account from it"),
            ("", 2_001, [.max], "no job ever has it; remove the account from it"),
            ("", .max, [], "no job ever has it; remove the account from it"),
            ("groups = *", 2_001, [0], "no job ever has it; remove the account from it"),
            (
                "minimum-gid = 100", 99, [],
                "it is below the `minimum-gid` of 100; remove the account from it, or let root lower `minimum-gid`"
            ),
            (
                "minimum-gid = 100", 100, [6],
                "it is below the `minimum-gid` of 100; remove the account from it, or let root lower `minimum-gid`"
            ),
            (
                "denied-groups = disk", 2_001, [6],
                "it is denied; leave it out, or let root remove it from `denied-groups`"
            ),
            (
                "groups = disk 2001\ndenied-groups = disk", 2_001, [6],
                "it is denied; leave it out, or let root remove it from `denied-groups`"
            ),
            ("groups = render", 2_001, [], "it is not permitted; leave it out, or let root add it to `groups`"),
            ("groups = 2001", 2_001, [3_001], "it is not permitted; leave it out, or let root add it to `groups`"),
            ("groups = 2001 render", 2_001, [3_001], nil), ("denied-groups = disk", 2_001, [44], nil),
            ("minimum-gid = 44", 2_001, [44], nil), ("", 1, [2, 3], nil),
        ] as [(String, UInt32, [UInt32], String?)]
    )
    func groups(lines: String, gid: UInt32, others: [UInt32], reason: String?) throws {
        let policy = try HelperPolicy.with(lines)
        let found = refusal(policy, request(gid: gid, groups: others))
        #expect(found?.code == (reason == nil ? nil : .group))
        let wrong = others.first { $0 != 2_001 } ?? gid
        #expect(found?.message == reason.map { "a job as \"alice\" cannot have gid \(wrong): \($0)" })
    }

    @Test
    func `What a job may have beyond its account is forbidden unless a line permits it`() throws {
        let strict = try HelperPolicy.with("")
        let open = try HelperPolicy.with(
            """
            new-privileges = allowed
            capability-bounding-set = inherited-allowed
            when-daemon-ends = keep-allowed
            maximum-start-time = 3600
            """
        )
        let wishes: [((inout PolicyRequest) -> Void, PolicyRefusal.Code, String)] = [
            (
                { $0.wantsNewPrivileges = true }, .newPrivileges,
                "the job may not gain privileges by an exec; "
                    + "launch it with no_new_privs, or let root write `new-privileges = allowed`"
            ),
            (
                { $0.wantsInheritedBoundingSet = true }, .boundingSet,
                "the job may not keep the capability bounding set of the helper; "
                    + "let the set be emptied, or let root write `capability-bounding-set = inherited-allowed`"
            ),
            (
                { $0.outlivesDaemon = true }, .outlivesDaemon,
                "the job may not stay when its daemon ends; "
                    + "let it end with the daemon, or let root write `when-daemon-ends = keep-allowed`"
            ),
            (
                { $0.startDeadline = .seconds(31) }, .startTime,
                "the job may take 30 s until it runs, not 31.0 seconds; "
                    + "shorten its start deadline, or let root raise `maximum-start-time`"
            ),
        ]
        for (change, code, message) in wishes {
            let found = refusal(strict, request(change: change))
            #expect(found?.code == code)
            #expect(found?.message == message)
            #expect(refusal(open, request(change: change)) == nil)
        }
        #expect(refusal(strict, request { $0.startDeadline = .seconds(30) }) == nil)
        #expect(refusal(strict, request { $0.startDeadline = .zero })?.code == .startTime)
    }

    @Test
    func `Where directories are restricted, a program has an absolute path without '..', and is looked at later`()
        throws
    {
        let policy = try HelperPolicy.with("executable-directories = /opt/farm/bin")
        for (path, reason) in [
            ("true", "its path is not absolute; name it by its absolute path"),
            ("./true", "its path is not absolute; name it by its absolute path"),
            ("/opt/farm/bin/../../../bin/sh", "its path has a component '..'; name it without"),
        ] {
            let found = refusal(policy, request { $0.executables = ["/opt/farm/bin/x", FilePath(path)] })
            #expect(found?.code == .executable)
            #expect(found?.message == "the helper does not execute \"\(path)\": \(reason)")
        }
        #expect(refusal(policy, request { $0.executables = [] })?.code == .executable)
        guard case .permitted(let permit) = policy.verdict(on: request()) else {
            Issue.record("refused")
            return
        }
        #expect(permit.executables?.directories == ["/opt/farm/bin"])
    }

    @Test(
        "A peer is a user that is named, or a member of a group that is; root is named as a user",
        arguments: [
            (990, [990], true), (991, [991], false), (991, [991, 3_101], true), (0, [0], false), (0, [3_101], false),
            (.max, [3_101], false), (3_101, [], false),
        ] as [(UInt32, [UInt32], Bool)]
    )
    func peers(peer: UInt32, groups: [UInt32], mayConnect: Bool) throws {
        let policy = try HelperPolicy.reading("peers = renderd @farm\naccounts = *\n")
        #expect(policy.permits(peer: peer, groups: groups) == (mayConnect ? .permitted : .forbidden))
    }

    @Test
    func `Root connects where it is named, by its name or its number`() throws {
        for name in ["root", "0"] {
            let policy = try HelperPolicy.reading("peers = \(name)\naccounts = *\n")
            #expect(policy.permits(peer: 0, groups: []) == .permitted)
        }
        let policy = try HelperPolicy.reading("peers = renderd\naccounts = *\n")
        #expect(
            policy.refusal(ofPeer: 7).message
                == "user id 7 may not use the helper; root can name it in `peers` of /etc/impersonation/helper.conf"
        )
    }

    @Test
    func `A name that a terminal would obey is shown and not obeyed`() throws {
        let policy = try HelperPolicy.with("", accounts: "alice")
        let found = policy.refusal(ofUnknownAccount: Array("a\u{1B}[2J\nb".utf8) + [0xFF])
        #expect(found.message.contains(#"a\u{1b}[2J\u{a}b"#))
        #expect(!found.message.unicodeScalars.contains { !$0.isSeen })
    }

    @Test("Codes fit the frames of the protocol", arguments: PolicyRefusal.Code.allCases)
    func codes(code: PolicyRefusal.Code) {
        #expect(code.rawValue.utf8.count <= 64)
        #expect(code.rawValue.utf8.allSatisfy { ("a"..."z").contains(Unicode.Scalar($0)) || $0 == UInt8(ascii: "-") })
    }
}
