import Impersonation
import SystemPackage
import Testing

@Suite("Accounts of a real Active Directory by winbind", .on(.winbind), .timeLimit(.minutes(5)))
struct WinbindAccountTests {
    @Test(
        "are one account under every spelling, with its canonical name",
        arguments: [
            #"MYCORP\someuser"#, #"mycorp\SomeUser"#, #"mycorp.test\someuser"#, "someuser@mycorp.test",
            "someuser@MYCORP",
        ]
    )
    func everySpelling(name: String) async throws {
        let account = try #require(try await account(name))
        #expect(account.name.spelling == #"MYCORP\someuser"#)
        #expect(account.userID == UserID(rawValue: 11_103))
        #expect(account.groupID == GroupID(rawValue: 10_513))
        #expect(account.groupNumbers == [10_513, 11_103, 11_115, 11_116])
        #expect(account.homeDirectory == "/bed/home/MYCORP/someuser")
        #expect(account.shell == "/bin/bash")
        #expect(!account.isGroup)
    }

    @Test("are the same by user id")
    func byUserID() async throws {
        let directory = nameService()
        let byID = try #require(try await directory.account(withID: UserID(rawValue: 11_103)))
        #expect(try await account(#"MYCORP\someuser"#) == byID)
    }

    @Test(
        "do not exist under the short name, under another domain, and when nobody made them",
        arguments: ["someuser", #"OTHER\someuser"#, "someuser@OTHER", #"MYCORP\nosuch"#, "nosuch@mycorp.test"]
    )
    func noSuchAccount(name: String) async throws {
        #expect(try await account(name) == nil)
    }

    @Test(
        "are not asked for under what cannot be a name, though winbind answers to some of it",
        arguments: [
            #"MYCORP\"#, #"\someuser"#, "MYCORP/someuser", "MYCORP+someuser", #"MYCORP\ someuser"#,
            #"MYCORP\someuser "#,
            #"MYCORP\someuser@mycorp.test"#, #"MYCORP\\someuser"#, #"MYCORP\*"#, "(cn=*)", "S-1-5-21-1-2-3-1103\\",
        ]
    )
    func malformed(name: String) {
        #expect(throws: AccountNameError.self) { try AccountName(name) }
    }

    @Test(
        "have names with blanks inside, dots and letters of other alphabets",
        arguments: [
            (#"MYCORP\John Smith"#, #"MYCORP\john smith"#, UInt32(11_107)),
            ("john smith@mycorp.test", #"MYCORP\john smith"#, 11_107),
            (#"MYCORP\bob.o"#, #"MYCORP\bob.o"#, 11_105),
            (#"MYCORP\ünal"#, #"MYCORP\ünal"#, 11_106),
            (#"MYCORP\ÜNAL"#, #"MYCORP\ünal"#, 11_106),
        ]
    )
    func unusualNames(asked: String, canonical: String, userID: UInt32) async throws {
        let account = try #require(try await account(asked))
        #expect(account.name.spelling == canonical)
        #expect(account.userID.rawValue == userID)
    }

    @Test(
        "are there in every state of the account: whether a job may run is not the name service's to say",
        arguments: ["disabled", "acctexp", "mustchange", "pwold", "hours", "wks", "lockme"]
    )
    func everyState(user: String) async throws {
        #expect(try await account(#"MYCORP\\#(user)"#) != nil)
    }

    @Test("have the groups that their groups belong to")
    func nestedGroups() async throws {
        let account = try #require(try await account(#"MYCORP\nested"#))
        let inner = try await groupID(#"MYCORP\inner"#)
        let outer = try await groupID(#"MYCORP\outer"#)
        #expect(account.groups.contains(try #require(inner)))
        #expect(account.groups.contains(try #require(outer)))
        #expect(account.groups.count == 4)
    }

    @Test("have all of 1,202 groups")
    func manyGroups() async throws {
        let account = try #require(try await account(#"MYCORP\everywhere"#))
        #expect(account.groups.count == 1_202)
        for name in ["g0001", "g0600", "g1200"] {
            let group = try await groupID(#"MYCORP\\#(name)"#)
            #expect(account.groups.contains(try #require(group)))
        }
    }

    @Test(
        "have groups by name, in any case and with blanks",
        arguments: [
            (#"MYCORP\engineers"#, UInt32(11_115)), (#"mycorp\Engineers"#, 11_115), (#"MYCORP\web team"#, 11_116),
        ]
    )
    func groups(name: String, number: UInt32) async throws {
        #expect(try await groupID(name) == GroupID(rawValue: number))
    }

    @Test("have no groups by the short name", arguments: ["engineers", "engineers@mycorp.test", #"MYCORP\nosuch"#])
    func noSuchGroup(name: String) async throws {
        #expect(try await groupID(name) == nil)
    }

    @Test("leave the local accounts and their groups as they are")
    func localAccounts() async throws {
        let alice = try #require(try await account("alice"))
        #expect(alice.userID.rawValue == 2_001)
        #expect(alice.groupNumbers == [2_001, 3_001, 3_002])
        #expect(!alice.isGroup, "its own group has its name and number")
        let many = try #require(try await account("manygroups"))
        #expect(many.groups.count == 1_201)
    }

    private func groupID(_ name: String) async throws -> GroupID? {
        try await nameService().groupID(named: name)
    }
}
