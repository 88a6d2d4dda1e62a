import SystemPackage
import Testing

@testable import HelperService

@Suite("The keys of a policy")
struct KeyTests {
    @Test
    func `What is not set is the strict choice, and peers and accounts have to be set`() throws {
        let policy = try HelperPolicy.with("")
        #expect(policy.minimumUserID == 1_000)
        #expect(policy.minimumGroupID == 1)
        #expect(policy.groups == .all)
        #expect(policy.deniedAccounts == .nobody)
        #expect(policy.deniedGroups == .nobody)
        #expect(policy.executables == nil)
        #expect(policy.newPrivileges == .forbidden)
        #expect(policy.inheritedBoundingSet == .forbidden)
        #expect(policy.keepingJobs == .forbidden)
        #expect(policy.maximumJobs == 1_024)
        #expect(policy.maximumJobsPerPeer == 512)
        #expect(policy.maximumStartTime == .seconds(30))
        #expect(policy.controlGroups == nil)
        #expect(policy.environment == [])
        #expect(policy.startsWithoutSession == .forbidden)
        #expect(
            complaints(about: "") == [
                #"f:1: the file does not set "peers"; name the users that daemons run as: `peers = NAME @GROUP`"#,
                #"f:1: the file does not set "accounts"; "#
                    + "name the accounts that jobs may have: `accounts = NAME @GROUP`, or `accounts = *`",
            ]
        )
    }

    @Test
    func `Every key can be set`() throws {
        let policy = try HelperPolicy.reading(
            #"""
            peers = renderd 991 @farm root
            accounts = alice 2002 @render "MYCORP\\alice" "@MYCORP\\domain users" @3102
            groups = render 44 "MYCORP\\domain users"
            minimum-uid = 500
            minimum-gid = 40
            denied-accounts = bob @disk root
            denied-groups = disk 42
            executable-directories = /opt/farm/bin "/opt/two words"
            new-privileges = allowed
            capability-bounding-set = inherited-allowed
            maximum-jobs = 8
            maximum-jobs-per-peer = 4
            maximum-start-time = 60
            control-groups = /sys/fs/cgroup/jobs
            when-daemon-ends = keep-allowed
            environment = SHOT FRAME_1
            pam-services = impersonation qube-2
            pam-sessions = required
            pam-session-idle = 90
            pam-session-failure = continue
            """#
        )
        #expect(policy.peers.users.map(\.number) == [990, 991, 0])
        #expect(policy.peers.groups.map(\.number) == [3_101])
        #expect(policy.accounts.users.map(\.number) == [2_001, 2_002, 11_103])
        #expect(policy.accounts.groups.map(\.number) == [3_001, 10_513, 3_102])
        #expect(policy.groups.users.map(\.number) == [3_001, 44, 10_513])
        #expect(policy.minimumUserID == 500)
        #expect(policy.minimumGroupID == 40)
        #expect(policy.deniedAccounts.users.map(\.number) == [2_002, 0])
        #expect(policy.deniedAccounts.groups.map(\.number) == [6])
        #expect(policy.deniedGroups.users.map(\.number) == [6, 42])
        #expect(policy.executables?.directories == ["/opt/farm/bin", "/opt/two words"])
        #expect(policy.newPrivileges == .permitted)
        #expect(policy.inheritedBoundingSet == .permitted)
        #expect(policy.maximumJobs == 8)
        #expect(policy.maximumJobsPerPeer == 4)
        #expect(policy.maximumStartTime == .seconds(60))
        #expect(policy.controlGroups == "/sys/fs/cgroup/jobs")
        #expect(policy.keepingJobs == .permitted)
        #expect(policy.environment == ["SHOT", "FRAME_1"])
        #expect(policy.sessionServices == ["impersonation", "qube-2"])
        #expect(policy.sessionDemand == .required)
        #expect(policy.sessionIdleTime == .seconds(90))
        #expect(policy.startsWithoutSession == .permitted)
        #expect(policy.lines.count == PolicyKey.allCases.count)
    }

    @Test("A variable is a name that nothing obeys", arguments: ["A-B", "1A", "LD_PRELOAD", "PYTHONPATH", "PATH"])
    func variables(_ name: String) throws {
        let complaints = complaints(about: "peers = renderd\naccounts = alice\nenvironment = SHOT \(name)\n")
        #expect(complaints.count == 1)
        #expect(complaints.first?.hasPrefix(#"f:3: "environment" cannot be "\#(name)""#) == true, "\(complaints)")
    }

    @Test(
        "A number is decimal digits within its bounds",
        arguments: [
            ("minimum-uid", ["1", "4294967294"], ["0", "-1", "+1", "0x10", "010", "1e3", "4294967295", "\"1\"", "x"]),
            ("minimum-gid", ["1", "4294967294"], ["0", "-1", "4294967295", "99999999999999999999", "1 2"]),
            ("maximum-jobs", ["1", "1000000"], ["0", "1000001", "many"]),
            ("maximum-jobs-per-peer", ["1", "1024"], ["0", "1025"]),
            ("pam-session-idle", ["0", "3600"], ["-1", "3601", "1m", "0.5"]),
            ("maximum-start-time", ["1", "3600"], ["0", "3601", "30s", "1.5"]),
        ]
    )
    func numbers(key: String, good: [String], bad: [String]) {
        let start = "peers = renderd\naccounts = *\n\(key) = "
        for value in good { #expect(complaints(about: start + value).isEmpty) }
        for value in bad {
            let found = complaints(about: start + value)
            #expect(found.count == 1 && found[0].hasPrefix("f:3: \"\(key)\" "), "\(value): \(found)")
        }
    }

    @Test(
        "A choice is one of two words",
        arguments: [
            ("new-privileges", "forbidden", "allowed"), ("capability-bounding-set", "empty", "inherited-allowed"),
            ("when-daemon-ends", "kill", "keep-allowed"), ("pam-session-failure", "refuse", "continue"),
        ]
    )
    func choices(key: String, forbidden: String, permitted: String) throws {
        #expect(complaints(about: "peers = renderd\naccounts = *\n\(key) = \(forbidden)").isEmpty)
        let remedy = "write \"\(forbidden)\" or \"\(permitted)\", without the quotes"
        for value in ["yes", "1", "true", permitted.uppercased(), "\"\(permitted)\""] {
            let shown = value.filter { $0 != "\"" }
            #expect(
                complaints(about: "peers = renderd\naccounts = *\n\(key) = \(value)")
                    == ["f:3: \"\(key)\" cannot be \"\(shown)\"; \(remedy)"]
            )
        }
        #expect(
            complaints(about: "peers = renderd\naccounts = *\n\(key) = \(forbidden) \(permitted)")
                == ["f:3: \"\(key)\" has 2 values; \(remedy)"]
        )
    }

    @Test("A directory is absolute and spelt plainly", arguments: ["control-groups", "executable-directories"])
    func directories(key: String) {
        for value in ["bin", "./bin", "/", "/opt/../bin", "/opt/./bin", "~/bin"] {
            let found = complaints(about: "peers = renderd\naccounts = *\n\(key) = \"\(value)\"")
            #expect(
                found == [
                    "f:3: \"\(key)\" cannot be \"\(value)\"; "
                        + "write an absolute path of a directory below the root, without '.' and '..'"
                ]
            )
        }
    }

    @Test(
        "An id that no job ever has is refused however it is written",
        arguments: [
            ("accounts = root", #""root" is uid 0, which no job ever has; remove it"#),
            ("accounts = toor", #""toor" is uid 0, which no job ever has; remove it"#),
            ("accounts = 0", #""0" is uid 0, which no job ever has; remove it"#),
            ("accounts = 4294967295", #""4294967295" is uid 4294967295, which no job ever has; remove it"#),
            ("accounts = overflow", #""overflow" is uid 4294967295, which no job ever has; remove it"#),
            ("accounts = alice @root", #""root" is gid 0, which no job ever has; remove it"#),
            ("accounts = @4294967295", #""4294967295" is gid 4294967295, which no job ever has; remove it"#),
            ("accounts = www-data", #""www-data" is uid 33, below the minimum-uid of 1000; remove it"#),
            ("accounts = *\ngroups = root", #""root" is gid 0, which no job ever has; remove it"#),
            ("accounts = *\ngroups = 0", #""0" is gid 0, which no job ever has; remove it"#),
            ("accounts = *\ngroups = overflow", #""overflow" is gid 4294967295, which no job ever has; remove it"#),
        ]
    )
    func neverPermitted(lines: String, complaint: String) {
        let line = lines.contains("\n") ? 3 : 2
        #expect(complaints(about: "peers = renderd\n\(lines)") == ["f:\(line): \(complaint)"])
    }

    @Test(
        "A text that tools read differently is no id and no name",
        arguments: [
            ("-1", "begins with a sign; write a decimal number, or a name"),
            ("+0", "begins with a sign; write a decimal number, or a name"),
            ("0x0", "reads as a number; write it in decimal digits"),
            ("0X7d1", "reads as a number; write it in decimal digits"),
            ("1e3", "reads as a number; write it in decimal digits"),
            ("2_001", "reads as a number; write it in decimal digits"),
            ("2001.0", "reads as a number; write it in decimal digits"),
            ("02001", "begins with a zero, as octal numbers do; leave the zeros out"),
            ("00", "begins with a zero, as octal numbers do; leave the zeros out"),
            ("4294967296", "is larger than any id; write at most 4294967294"),
            ("18446744073709551616", "is larger than any id; write at most 4294967294"),
        ]
    )
    func unclear(text: String, complaint: String) {
        for (lines, line) in [
            ("peers = \(text)\naccounts = *", 1), ("peers = renderd\naccounts = \(text)", 2),
            ("peers = renderd\naccounts = @\(text)", 2), ("peers = renderd\naccounts = *\ngroups = \(text)", 3),
            ("peers = renderd\naccounts = *\ndenied-accounts = \"\(text)\"", 3),
        ] {
            #expect(complaints(about: lines) == ["f:\(line): \"\(text)\" \(complaint)"])
        }
    }

    @Test
    func `A name that begins with a digit is a name`() throws {
        #expect(try HelperPolicy.with("", accounts: "0day").accounts.users.map(\.number) == [2_020])
        #expect(
            complaints(about: "peers = renderd\naccounts = 1st") == [
                #"f:2: there is no user "1st"; correct the name, or remove it"#
            ]
        )
    }

    @Test(
        "A name that is not there, and a directory that does not answer, are two errors",
        arguments: [
            ("nobody1", #"there is no user "nobody1"; correct the name, or remove it"#),
            ("@nobody1", #"there is no group "nobody1"; correct the name, or remove it"#),
            (
                "slow",
                #"the name service could not be asked for the user "slow": \#(Errno.ioError); "#
                    + "start the helper once it answers, or write the uid"
            ),
            (
                "@slow",
                #"the name service could not be asked for the group "slow": \#(Errno.timedOut); "#
                    + "start the helper once it answers, or write the gid"
            ),
            (
                "Alice",
                #"the name service spells the user "Alice" "alice"; "#
                    + "write the name as it does, with two backslashes for one"
            ),
            ("a:b", #""a:b" is no name of a user; write it as `getent passwd` does"#),
            ("\" a\"", #"" a" is no name of a user; write it as `getent passwd` does"#),
            ("@", "a group has no name; write @GROUP without a blank"),
            ("alice *", "'*' does not stand alone; let '*' be the only value, or remove it"),
        ]
    )
    func names(value: String, complaint: String) {
        for key in ["accounts", "denied-accounts", "peers"] {
            let others = ["accounts", "peers"].filter { $0 != key }.map { "\($0) = alice" }
            let text = (others + ["\(key) = \(value)"]).joined(separator: "\n")
            #expect(complaints(about: text) == ["f:\(others.count + 1): \(complaint)"])
        }
    }

    @Test(
        "A policy may be right another time where nothing but the directory has kept it from being read",
        arguments: [
            ("slow", true), ("slow @slow", true), ("alice", nil), ("nobody1", false), ("slow nobody1", false),
            ("Alice", false), ("slow Alice", false), ("slow *", false),
        ]
    )
    func mayPass(value: String, mayPass: Bool?) throws {
        let policy = Result { () throws(PolicyError) in try HelperPolicy.with("", accounts: value) }
        let error = if case .failure(let error) = policy { error } else { PolicyError?.none }
        #expect(error?.mayPass == mayPass)
    }

    @Test
    func `Peers are never everybody, and an asterisk in quotes is a name`() throws {
        #expect(
            complaints(about: "peers = *\naccounts = *") == [
                #"f:1: "peers" cannot be everybody; name the users that daemons run as, or their @GROUP"#
            ]
        )
        #expect(
            complaints(about: "peers = 4294967295\naccounts = *") == [
                #"f:1: "4294967295" is nobody's id; remove it"#
            ]
        )
        #expect(try HelperPolicy.with("", accounts: "\"*\"").accounts.users.map(\.number) == [2_030])
    }

    @Test
    func `Keys that take groups take no '@'`() {
        #expect(
            complaints(about: "peers = renderd\naccounts = *\ndenied-groups = @disk") == [
                #"f:3: "@disk" begins with '@'; this key takes groups only; leave the '@' out"#
            ]
        )
    }
}
