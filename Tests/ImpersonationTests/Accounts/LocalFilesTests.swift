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
            ("passwd:files\twinbind # sss", ["files", "winbind"]),
            (
                "# passwd: nis\n  passwd :  files [NOTFOUND=return SUCCESS=continue] sss [!UNAVAIL=return]winbind",
                ["files", "sss", "winbind"]
            ),
            ("passwd_compat: nis\npasswd: compat\npasswd: files", ["compat"]),
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
            ("passwd: compat\ngroup: compat\n", false), ("passwd: files sss\ngroup: files\n", true),
            ("passwd: files\ngroup: files\ninitgroups: files winbind\n", true),
            ("passwd: files [!UNAVAIL=return]ldap", true),
            ("hosts: files dns\nnetgroup: nis\npasswd: files\n", false),
        ]
    )
    func others(text: String, mayLeave: Bool) {
        #expect(files(text).asksOthers == mayLeave)
    }

    @Test("answer first what they have, where they stand first and their answer is taken")
    func answerFirst() {
        let passwd = "root:x:0:0::/root:/bin/sh\nokuser:x:5555:5556::/home/okuser:/bin/sh\n:x:7:7::/:\n"
        let group = "wheel:x:10:\n"
        let first = files("passwd: files sss\ngroup: files sss\n", passwd: passwd, group: group)
        #expect(first.answerFirst(.accountName("okuser")))
        #expect(first.answerFirst(.accountID(UserID(rawValue: 5_555))))
        #expect(first.answerFirst(.groupName("wheel")))
        for name in ["okuse", "okuser2", "OKUSER", "", "5555"] { #expect(!first.answerFirst(.accountName(name))) }
        #expect(!first.answerFirst(.accountID(UserID(rawValue: 5_556))))
        #expect(!first.answerFirst(.groupName("root")))
        for order in ["passwd: sss files\n", "passwd: files [SUCCESS=continue] sss\n", "passwd: compat sss\n", ""] {
            #expect(!files(order, passwd: passwd).answerFirst(.accountName("okuser")), "\(order)")
        }
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
    func accounts() {
        let files = files(passwd: "alice:x:2001:2001::/:/bin/sh\n\nbroken\nbob:x:2002\n+::::::\n")
        #expect(files.contains(PasswdEntry("alice", uid: 2_001)))
        #expect(files.contains(PasswdEntry("bob", uid: 2_002)))
        #expect(!files.contains(PasswdEntry("alice", uid: 2_002)))
        #expect(!files.contains(PasswdEntry("Alice", uid: 2_001)))
        #expect(!files.contains(PasswdEntry("broken", uid: 0)))
        #expect(!files.contains(PasswdEntry("", uid: 0)))
        // A letter that joins what follows it, where an account may write what it likes.
        let joined = self.files(passwd: "carol:x:2003:2003:\u{600}:/:/bin/sh\u{600}\ndave:x:2004:2004::/:/bin/sh\n")
        #expect(joined.contains(PasswdEntry("carol", uid: 2_003)))
        #expect(joined.contains(PasswdEntry("dave", uid: 2_004)))
    }

    @Test("list an account for its groups, to the letter")
    func groups() {
        let files = files(
            group: "a:x:1:alice\nb:x:2:bob,alice,carol\nc:x:3:alice2,malice\nd:x:4:\ne:x:five:alice\nf:x:6"
        )
        #expect(files.groups(of: "alice") == [GroupID(rawValue: 1), GroupID(rawValue: 2)])
        #expect(files.groups(of: "nobody").isEmpty)
    }

    @Test("of this host have its superuser")
    func thisHost() {
        #expect(LocalFiles.ofThisHost().contains(PasswdEntry("root", uid: 0)))
    }
}
