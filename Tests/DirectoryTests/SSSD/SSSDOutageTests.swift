import Impersonation
import SystemPackage
import Testing

/// Each test makes SSSD forget what it knows first: what it remembers it answers during an outage too.
@Suite("An outage of SSSD or of its directory", .on(.sssd), .serialized, .timeLimit(.minutes(5)))
struct SSSDOutageTests {
    private let name = "okuser@mycorp.test"

    @Test(
        "SSSD stopped: accounts of the domain are unavailable, not absent, and local accounts are there",
        arguments: stoppableWays
    )
    func stopped(asking: NSSAccountDirectory.Asking) async throws {
        try await Control.forget()
        try await Control.without("sssd", isFrozen: false) {
            for name in [name, #"MYCORP\okuser"#, "nosuch", #"OTHER\nosuch"#] {
                let error = try await failure(asking: name, asking: asking)
                #expect(error.code == .unavailable)
            }
            let undecided = await #expect(throws: ResolutionError.self) {
                try await Site(hostDomain: "MYCORP").resolve("okuser")
            }
            #expect(undecided?.code == .directoryUnavailable)
            let alice = try await account("alice", asking: asking)
            #expect(alice?.groupNumbers == [2_001, 3_001, 3_002])
        }
        #expect(try await account(name, asking: asking)?.userID.rawValue == 1_940_601_104)
    }

    @Test(
        "SSSD hung: the domain is unavailable within the deadline, local accounts are not delayed, and then all is well",
        arguments: stoppableWays
    )
    func hung(asking: NSSAccountDirectory.Asking) async throws {
        try await Control.forget()
        try await Control.without("sssd", isFrozen: true) {
            // SSSD may list local accounts for groups, and the rules wait for what it says.
            try await expectNoDelay(besides: name, asking: asking, completeGroups: false)
        }
        #expect(try await account("root", asking: asking)?.userID.rawValue == 0)
        #expect(try await account(name, asking: asking)?.userID.rawValue == 1_940_601_104)
    }

    /// Names that SSSD does not know, some of which its directory would.
    private let unknown = ["okuser@mycorp.test", #"MYCORP\okuser"#, "okuser@MYCORP", #"MYCORP\nosuch"#]

    @Test(
        "directory away: what SSSD knows it answers; all else it calls absent, and is asked whether it would know",
        arguments: [true, false]
    )
    func directoryAway(isFrozen: Bool) async throws {
        try await Control.forget()
        let known = try #require(try await account("someuser@mycorp.test"))
        try await Control.without("directory", isFrozen: isFrozen) {
            let again = try await account("someuser@mycorp.test")
            #expect(again == known)
            try await Away.expect(unknown, id: 1_940_601_104, group: "engineers@mycorp.test")
            // Where no lookup process is asked, nothing can tell.
            #expect(try await account(name, asking: .getent) == nil)
            let alice = try await account("alice", within: impatience)
            #expect(alice?.groupNumbers == [2_001, 3_001, 3_002])
        }
        #expect(try await account(name)?.userID.rawValue == 1_940_601_104)
        #expect(try await account(#"MYCORP\nosuch"#) == nil)
    }

    @Test("directory away: a policy of the helper that names its accounts is no mistake", arguments: [true, false])
    func policy(isFrozen: Bool) async throws {
        try await Control.forget()
        let group = "engineers@mycorp.test"
        try await Control.without("directory", isFrozen: isFrozen) { try await Away.expectPolicy(with: name, group) }
        let rendered = try await Control.checkPolicy(name, group, endsWith: 0)
        #expect(rendered.contains("1940601104"), "\(rendered)")
        let mistake = try await Control.checkPolicy("nosuch@mycorp.test", group, endsWith: 78)
        #expect(mistake.contains(#"there is no user "nosuch@mycorp.test""#), "\(mistake)")
    }

    @Test("directory away since SSSD was started with nothing to remember: nobody is absent", arguments: [true, false])
    func awayFromTheStart(isFrozen: Bool) async throws {
        try await Control.without("directory", isFrozen: isFrozen) {
            try await Control.renewSSSD()
            let names = ["okuser@mycorp.test", "nosuch@mycorp.test"]
            try await Away.expect(names, id: 1_940_601_104, group: "engineers@mycorp.test")
            // It has yet to hear that its domain has a short name, and says of others' that it does not know them.
            #expect(try await failure(asking: #"MYCORP\okuser"#).code == .unavailable)
            // A bare name is of no domain here, and whoever is known under his full name is found behind it.
            #expect(try await account("nosuch") == nil)
            let resolution = try await Site().resolve("alice")
            #expect(resolution.identity?.account.userID.rawValue == 2_001, "\(resolution.message)")
        }
        #expect(try await account(name)?.userID.rawValue == 1_940_601_104)
    }
}
