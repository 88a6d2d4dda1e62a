import LaunchProtocol
import LocalAccounts
import NameLookup
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The local files of the name service")
struct LocalFilesTests {
    private func files(_ nameServiceSwitch: String = "", passwd: String = "", group: String = "") -> LocalFiles {
        LocalFiles(nameServiceSwitch: nameServiceSwitch, passwd: passwd, group: group)
    }

    @Test(
        "name the services of a database, without what is done about their answers",
        arguments: [
            ("passwd: files winbind", ["files", "winbind"]),
            ("passwd:files\twinbind", ["files", "winbind"]), ("#passwd: nis\n # passwd: nis\n", []),
            // No comment for glibc 2.36, which looks for the services "#" and "sss".
            ("passwd: files # sss", ["files", "#", "sss"]),
            (
                "# passwd: nis\n  passwd :  files [NOTFOUND=return SUCCESS=continue] sss [!UNAVAIL=return]winbind",
                ["files", "sss", "winbind"]
            ),
            ("passwd_compat: nis\npasswd: compat\npasswd: files", ["files"]),
            ("passwd: files\r\n# nis\r\npasswd: files winbind\r\n", ["files", "winbind"]),
            ("passwd: files\npass wd: nis\n", ["files"]),
            // As glibc has it, with a colon, with several, or with none.
            ("passwd files winbind\n", ["files", "winbind"]), ("passwd\t: :: files sss\n", ["files", "sss"]),
            ("passwd:\n", []), ("passwdfiles\n: passwd: nis\n", []),
            ("group: winbind", []),
            ("passwd", []),
            ("", []),
        ]
    )
    func accountServices(text: String, services: [String]) {
        #expect(files(text).accountServices == services)
    }

    @Test("name the services for the groups of an account: those of initgroups where it is set, else those of group")
    func groupServices() {
        #expect(files("group: files winbind").groupServices == ["files", "winbind"])
        #expect(files("group: files winbind\ninitgroups: files").groupServices == ["files"])
        #expect(files("passwd: files").groupServices == [])
    }

    @Test(
        "say whether a service may leave this machine",
        arguments: [
            ("passwd: files systemd\ngroup: files [SUCCESS=merge] systemd\n", false), ("", false),
            ("passwd: compat\ngroup: files\n", true), ("passwd: sss\npasswd: files\n", true),
            ("passwd: files sss\ngroup: files\n", true),
            ("passwd: files\ngroup: files\ninitgroups: files winbind\n", true),
            ("passwd: files [!UNAVAIL=return]ldap", true),
            ("hosts: files dns\nnetgroup: nis\npasswd: files\n", false), ("passwd files sss\n", true),
            ("passwd: files # winbind\n", true),
        ]
    )
    func others(text: String, mayLeave: Bool) {
        #expect(files(text).asksOthers == mayLeave)
    }

    @Test(
        "say whether one of the services for the groups of an account may, whichever line glibc takes",
        arguments: [
            ("passwd: files sss\ngroup: files systemd\n", false), ("passwd: files\ngroup: files winbind\n", true),
            ("group: files\ngroup: sss\n", true), ("group: files sss\ninitgroups: files\n", true),
            ("group: files\ninitgroups: files winbind\n", true), ("group: compat\n", true), ("", false),
            ("group: files [SUCCESS=merge] altfiles db extrausers\n", false),
        ]
    )
    func othersForGroups(text: String, mayLeave: Bool) {
        #expect(files(text).asksOthersForGroups == mayLeave)
    }

    @Test(
        "list groups that an account has for certain where they are asked first",
        arguments: [
            ("group: files sss\n", [1]), ("group: files [NOTFOUND=return] sss\n", [1]), ("group: sss files\n", []),
            ("group: files\ninitgroups: sss files\n", []), ("group: compat\n", []), ("", []),
        ] as [(String, [UInt32])]
    )
    func certainGroups(text: String, groups: [UInt32]) throws {
        let files = files(text, group: "a:x:1:alice\n")
        #expect(try files.certainGroups(of: "alice") == Set(groups.map { GroupID(rawValue: $0) }))
    }

    @Test("give a directory more time for groups of a local account where it may know some")
    func patience() {
        #expect(files("group: files winbind").patience(of: .seconds(1)) == .milliseconds(125))
        #expect(files("group: files winbind").patience(of: .seconds(60)) == .milliseconds(250))
        #expect(files("group: files sss").patience(of: .seconds(1)) == .milliseconds(250))
        #expect(files("group: files sss").patience(of: .seconds(60)) == .seconds(1))
    }

    @Test("answer first what they have, where they stand first and their answer is taken")
    func answerFirst() throws {
        let passwd = "root:x:0:0::/root:/bin/sh\nokuser:x:5555:5556::/home/okuser:/bin/sh\n:x:7:7::/:\n"
        let group = "wheel:x:10:\n"
        let first = files("passwd: files sss\ngroup: files sss\n", passwd: passwd, group: group)
        #expect(
            try first.entry(.accountName("okuser"))
                == .passwd(PasswdEntry("okuser", uid: 5_555, gid: 5_556, home: "/home/okuser", shell: "/bin/sh"))
        )
        #expect(try first.entry(.accountID(UserID(rawValue: 5_555))) == first.entry(.accountName("okuser")))
        #expect(
            try first.entry(.groupName("wheel")) == .group(GroupEntry(name: "wheel", groupID: GroupID(rawValue: 10)))
        )
        for name in ["okuse", "okuser2", "OKUSER", "", "5555"] { #expect(try first.entry(.accountName(name)) == nil) }
        #expect(try first.entry(.accountID(UserID(rawValue: 5_556))) == nil)
        #expect(try first.entry(.groupName("root")) == nil)
        for order in ["passwd: sss files\n", "passwd: files [SUCCESS=continue] sss\n", "passwd: compat sss\n", ""] {
            #expect(try files(order, passwd: passwd).entry(.accountName("okuser")) == nil, "\(order)")
        }
    }

    @Test(
        "leave to glibc what it may read in another way, or not at all",
        arguments: [
            "#bob:x:5151:5151::/:/bin/sh", " bob:x:5151:5151::/:/bin/sh", "+bob:x:5151:5151::/:/bin/sh",
            "-bob:x:5151:5151::/:/bin/sh", "bob:x:5151:5x51::/:/bin/sh", "bob:x:5151:5151",
            "bob:x:5151:5151::/:/bin/sh:",
            "bob:x:+5151:5151::/:/bin/sh", "bob:x: 5151:5151::/:/bin/sh",
            // glibc takes the first, whatever stands behind it.
            "bob:x:5151:\nbob:x:5151:5151::/:/bin/sh", " bob:x:05151:7::/:/bin/sh\nbob:x:5151:5151::/:/bin/sh",
        ]
    )
    func doubtfulLines(passwd: String) throws {
        let files = files("passwd: files sss\ngroup: files sss\n", passwd: passwd + "\n", group: "a:x:+5:\nb:x:6\n")
        #expect(try files.entry(.accountID(UserID(rawValue: 5_151))) == nil)
        #expect(try files.entry(.accountName("bob")) == nil)
        for group in ["a", "b"] { #expect(try files.entry(.groupName(group)) == nil) }
    }

    @Test("that cannot be read are not empty: whoever asks is told", arguments: ["nsswitch.conf", "passwd", "group"])
    func unreadable(file: String) async throws {
        let path = FilePath("/etc/\(file)")
        let files = LocalFiles { asked throws(LocalFilesProblem) in
            guard asked != path else { throw LocalFilesProblem(path: path, errno: .tooManyOpenFiles) }
            switch asked {
            case "/etc/nsswitch.conf": return Array("passwd: files sss winbind\ngroup: files winbind\n".utf8)
            case "/etc/passwd": return Array("alice:x:2001:100::/home/x:/bin/bash\n".utf8)
            default: return []
            }
        }
        #expect(files.asksOthers)
        var service = ScriptedNameService(["alice": PasswdEntry("alice", uid: 2_001)])
        service.files = files
        let directory = NSSAccountDirectory(
            service: service,
            syntax: .standard,
            deadline: .seconds(30),
            workers: BlockingWorkers(name: "test", maximumThreads: 2),
            localWorkers: BlockingWorkers(name: "test", maximumThreads: 2)
        )
        let error = await #expect(throws: AccountDirectoryError.self) {
            try await directory.account(named: AccountName("alice"))
        }
        #expect(error?.code == .unavailable)
        #expect(error?.errno == .tooManyOpenFiles)
        #expect(error?.message.contains("\(path) cannot be read") == true)
    }

    @Test(
        "list every group of a local account where no other service has any",
        arguments: [
            ("files", true), ("files winbind", true), ("files systemd", false), ("files extrausers", false),
            ("files sss", false), ("compat", false),
        ]
    )
    func everyGroup(services: String, isComplete: Bool) {
        #expect(files("group: \(services)").listsEveryGroup == isComplete)
    }

    @Test(
        "say whether a service may know groups of local accounts",
        arguments: [
            ("files winbind", true), ("files systemd winbind", true), ("files ldap winbind", false), ("nis", false),
        ]
    )
    func otherGroups(services: String, hasNone: Bool) {
        #expect(files("group: \(services)").hasNoOtherGroups == hasNone)
    }

    @Test("contain an account by its name and its number, and by nothing less")
    func accounts() throws {
        let files = files(passwd: "alice:x:2001:2001::/:/bin/sh\n\nbroken\nbob:x:2002\n+::::::\n")
        #expect(try files.contains(PasswdEntry("alice", uid: 2_001)))
        #expect(try files.contains(PasswdEntry("bob", uid: 2_002)))
        #expect(try !files.contains(PasswdEntry("alice", uid: 2_002)))
        #expect(try !files.contains(PasswdEntry("Alice", uid: 2_001)))
        #expect(try !files.contains(PasswdEntry("broken", uid: 0)))
        #expect(try !files.contains(PasswdEntry("", uid: 0)))
        // A letter that joins what follows it, where an account may write what it likes.
        let joined = self.files(passwd: "carol:x:2003:2003:\u{600}:/:/bin/sh\u{600}\ndave:x:2004:2004::/:/bin/sh\n")
        #expect(try joined.contains(PasswdEntry("carol", uid: 2_003)))
        #expect(try joined.contains(PasswdEntry("dave", uid: 2_004)))
    }

    @Test("list an account for its groups, to the letter")
    func groups() throws {
        let files = files(
            group:
                "a:x:1:alice\nb:x:2:bob,alice,carol\nc:x:3:alice2,malice\nd:x:4:\ne:x:five:alice\nf:x:6\ng:x:7:alice:x\nh:x:+8:alice\n#i:x:9:alice\n #j:x:10:alice"
        )
        #expect(try files.groups(of: "alice") == [GroupID(rawValue: 1), GroupID(rawValue: 2)])
        #expect(try files.groups(of: "nobody").isEmpty)
    }

    @Test("of this host have its superuser")
    func thisHost() throws {
        #expect(try LocalFiles.ofThisHost().contains(PasswdEntry("root", uid: 0)))
    }
}
