import Impersonation
import SystemPackage
import Testing

/// Each test makes winbind forget what it knows first: what it remembers it answers during an outage too.
@Suite("An outage of winbind or of its directory", .on(.winbind), .serialized, .timeLimit(.minutes(5)))
struct WinbindOutageTests {
    private let name = #"MYCORP\okuser"#

    @Test(
        "winbind stopped: accounts of the domain are unavailable, not absent, and so is every unknown name and id",
        arguments: stoppableWays
    )
    func stopped(asking: NSSAccountDirectory.Asking) async throws {
        try await Control.without("winbind", isFrozen: false) {
            for name in [name, "okuser@mycorp.test", "nosuch", #"OTHER\nosuch"#] {
                let error = try await failure(asking: name, asking: asking)
                #expect(error.code == .unavailable)
            }
            let directory = nameService(asking: asking)
            let byID = await #expect(throws: AccountDirectoryError.self) {
                try await directory.account(withID: UserID(rawValue: 11_104))
            }
            #expect(byID?.code == .unavailable)
            let group = await #expect(throws: AccountDirectoryError.self) {
                try await directory.groupID(named: #"MYCORP\engineers"#)
            }
            #expect(group?.code == .unavailable)
            let undecided = await #expect(throws: ResolutionError.self) {
                try await Site(hostDomain: "MYCORP").resolve("okuser")
            }
            #expect(undecided?.code == .directoryUnavailable)
        }
        #expect(try await account(name)?.userID.rawValue == 11_104)
    }

    @Test("directory dead: a policy of the helper that names its accounts is no mistake")
    func policy() async throws {
        try await Control.forget()
        let group = #"MYCORP\engineers"#
        try await Control.without("directory", isFrozen: false) { try await Away.expectPolicy(with: name, group) }
        let rendered = try await Control.checkPolicy(name, group, endsWith: 0)
        #expect(rendered.contains("11104"), "\(rendered)")
        let mistake = try await Control.checkPolicy(#"MYCORP\nosuch"#, group, endsWith: 78)
        #expect(mistake.contains("there is no user"), "\(mistake)")
    }

    @Test("winbind stopped: local accounts are there with all of their groups")
    func stoppedLocalAccounts() async throws {
        try await Control.without("winbind", isFrozen: false) {
            let alice = try await account("alice")
            #expect(alice?.groupNumbers == [2_001, 3_001, 3_002])
            let resolution = try await Site(visibleDomains: ["MYCORP"]).resolve("alice")
            #expect(resolution.identity?.account.userID.rawValue == 2_001)
        }
    }

    @Test(
        "winbind hung: the domain is unavailable within the deadline, local accounts are not delayed, and then all is well",
        arguments: stoppableWays
    )
    func hung(asking: NSSAccountDirectory.Asking) async throws {
        try await Control.forget()
        try await Control.without("winbind", isFrozen: true) {
            // winbind knows no groups of others' accounts.
            try await expectNoDelay(besides: name, asking: asking, completeGroups: true)
            var site = Site(hostDomain: "MYCORP")
            site.deadline = impatience
            let undecided = await #expect(throws: ResolutionError.self) { try await site.resolve("okuser") }
            #expect(undecided?.code == .directoryUnavailable)
        }
        #expect(try await account("root", asking: asking)?.userID.rawValue == 0)
        #expect(try await account(name, asking: asking)?.userID.rawValue == 11_104)
    }

    @Test("directory frozen: what winbind knows it answers, and nothing else becomes absent within the deadline")
    func frozenDirectory() async throws {
        try await Control.forget()
        let known = try #require(try await account(#"MYCORP\someuser"#))
        try await Control.without("directory", isFrozen: true) {
            let again = try await account(#"MYCORP\someuser"#)
            #expect(again == known)
            let alice = try await account("alice", within: impatience)
            #expect(alice?.groupNumbers == [2_001, 3_001, 3_002])
            let code = try await failure(asking: name, within: impatience).code
            #expect(code == .deadlineExceeded || code == .unavailable)
        }
        #expect(try await account(name)?.userID.rawValue == 11_104)
    }

    @Test("directory dead: what winbind knows it answers; of all else nobody knows whether it is there")
    func deadDirectory() async throws {
        try await Control.forget()
        let known = try #require(try await account(#"MYCORP\someuser"#))
        // A domain that winbind has never heard of has no accounts, as long as its own would tell it.
        for name in [#"NODOMAIN\someuser"#, "someuser@nodomain.test", #"MYCORP\nosuch"#, "nosuch"] {
            #expect(try await account(name) == nil)
        }
        try await Control.without("directory", isFrozen: false) {
            let again = try await account(#"MYCORP\someuser"#)
            #expect(again == known)
            // winbind says at once that there is none, with the same words as when there is none, but not that a server answers.
            for name in [name, "okuser@mycorp.test", #"MYCORP\nosuch"#] {
                let error = try await failure(asking: name)
                #expect(error.code == .unavailable)
                #expect(error.errno == .hostIsDown)
                let undecided = await #expect(throws: ResolutionError.self) { try await Site().resolve(name) }
                #expect(undecided?.code == .directoryUnavailable)
            }
            // Where no lookup process is asked, nothing can tell.
            #expect(try await account(name, asking: .getent) == nil)
            // A name without a domain needs no server, and whoever is known under his full name is found behind it.
            #expect(try await account("someuser") == nil)
            let visible = try await Site(visibleDomains: ["MYCORP"]).resolve("someuser")
            #expect(visible.identity?.account == known, "\(visible.message)")
            // Nor do local accounts wait for one where a bare name is denied that is nobody's here.
            var site = Site()
            site.policy.accountRules = AccountRules([DeniedAccountsRule([try AccountName("nosuch")])])
            #expect(try await site.resolve("alice").identity != nil)
            let alice = try await account("alice", within: impatience)
            #expect(alice?.groupNumbers == [2_001, 3_001, 3_002])
        }
        #expect(try await account(name)?.userID.rawValue == 11_104)
    }

    @Test(
        "directory dead: groups may be missing, never one too many, and a group of a rule that is unknown decides nothing"
    )
    func deadDirectoryGroups() async throws {
        try await Control.forget()
        let name = #"MYCORP\someuser"#
        // Whoever asks for the entry alone makes winbind remember it without its groups.
        try await Control.ask(for: name, asUserID: 65_534)
        try await Control.without("directory", isFrozen: false) {
            let account = try #require(try await account(name))
            #expect(account.groupNumbers == [10_513, 11_103])
            var site = Site()
            let group = GroupReference.named(#"MYCORP\engineers"#)
            let rules: [any AccountRule] = [AllowedGroupsRule([group]), DeniedGroupsRule([group])]
            for rule in rules {
                site.policy.accountRules = AccountRules([rule])
                let undecided = await #expect(throws: ResolutionError.self) { try await site.resolve(name) }
                #expect(undecided?.code == .directoryUnavailable)
            }
        }
        #expect(try await account(name)?.groupNumbers == [10_513, 11_103, 11_115, 11_116])
    }
}
