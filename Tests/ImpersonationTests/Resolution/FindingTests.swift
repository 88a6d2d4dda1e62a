import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

@Suite("Where an account is looked for")
struct FindingTests {
    static func questions(_ names: String...) throws -> [AccountLookup] {
        try names.map { AccountLookup(.account(named: try AccountName($0)), freshness: .cached) }
    }

    @Test("is the directory's cached answer, once, never a stale one")
    func freshness() async throws {
        let site = try await Site(.user)
        _ = try await site.resolve("alice")
        #expect(site.directory.lookups == (try Self.questions("alice")))
    }

    @Test("is the host domain alone for a bare name, even where a local account has that name")
    func hostDomainOnly() async throws {
        let site = try await Site(.user) {
            $0.hostDomain = Sourced("MYCORP", from: Site.line(3))
            $0.visibleDomains = Sourced(["OTHER"], from: Site.line(4))
        }
        let resolution = try await site.resolve("alice")
        #expect(resolution.badLogin?.reason == .accountNotFound)
        #expect(resolution.badLogin?.message.contains(#"knows no account MYCORP\alice;"#) == true)
        #expect(Set(site.directory.lookups.map(\.question)) == [.account(named: try AccountName(#"MYCORP\alice"#))])
        #expect(resolution.rules == ["userMode", "hostDomain", "accountNotFound"])
    }

    @Test("is nowhere else for a qualified name", arguments: [nil, "MYCORP", ""])
    func qualified(hostDomain: String?) async throws {
        let site = try await Site(.user) {
            $0.hostDomain = Sourced(hostDomain)
            $0.visibleDomains = Sourced(["MYCORP"])
        }
        #expect(try await site.resolve(#"OTHER\someuser"#).runsAs == #"OTHER\someuser"#)
        #expect(site.directory.lookups == (try Self.questions(#"OTHER\someuser"#)))
        site.directory.forgetLookups()
        #expect(try await site.resolve(#"OTHER\stranger"#).badLogin?.reason == .accountNotFound)
        #expect(Set(site.directory.lookups.map(\.question)) == [.account(named: try AccountName(#"OTHER\stranger"#))])
    }

    @Test("is nowhere only after a second look at what the directory says now: an absence may be from an outage")
    func secondLook() async throws {
        let site = try await Site(.user) { $0.visibleDomains = Sourced(["MYCORP", "OTHER"], from: Site.line(4)) }
        let cached = try Self.questions("stranger", #"MYCORP\stranger"#, #"OTHER\stranger"#)
        let current = cached.map { AccountLookup($0.question, freshness: .current) }
        let nowhere = try await site.resolve("stranger")
        #expect(nowhere.badLogin?.reason == .accountNotFound)
        #expect(nowhere.rules == ["userMode", "localAccount", "visibleDomain", "visibleDomain", "accountNotFound"])
        #expect(site.directory.lookups == cached + current)

        let stranger = try Account.forTesting(#"MYCORP\stranger"#, uid: 11_300)
        site.directory.beforeAnswering { [directory = site.directory] lookup in
            if lookup.freshness == .current { directory.add(stranger) }
        }
        site.directory.forgetLookups()
        let found = try await site.resolve("stranger")
        #expect(found.runsAs == #"MYCORP\stranger"#)
        #expect(found.rules.prefix(3) == ["userMode", "localAccount", "visibleDomain"])
        #expect(!found.rules.dropFirst(3).contains("visibleDomain"))
        #expect(Array(site.directory.lookups.prefix(5)) == cached + current.prefix(2))

        site.directory.remove(stranger.name)
        site.directory.beforeAnswering { [directory = site.directory] lookup in
            if lookup.freshness == .current { directory.fail(lookup.question) }
        }
        #expect(try await site.failure("stranger")?.code == .directoryUnavailable)
    }

    @Test("is nowhere for sure only where the directory has no reason to doubt it, and then the reason is told")
    func doubt() async throws {
        let site = try await Site(.user)
        site.directory.doubtAbsence(["SSSD does not tell; install its InfoPipe", "so says winbind; wait"])
        let resolution = try await site.resolve("stranger")
        #expect(resolution.badLogin?.reason == .accountUnconfirmed)
        #expect(resolution.decidedBy?.rule == "accountUnconfirmed")
        #expect(
            resolution.message
                == "the directory knows no account stranger, and there may be one; SSSD does not tell; install its InfoPipe; "
                + "so says winbind; wait; or create the account on this host, or name another one"
        )
        #expect(site.directory.lookups == (try Self.questions("stranger")), "asked once")
        #expect(try await site.resolve("alice").identity != nil)
        site.directory.doubtAbsence([])
        #expect(try await site.resolve("stranger").badLogin?.reason == .accountNotFound)
    }

    @Test("is in a later domain only where no earlier one may have it: who has that name there is somebody else")
    func doubtOnTheWay() async throws {
        let site = try await Site(.user) { $0.visibleDomains = Sourced(["A", "B", "MYCORP"], from: Site.line(4)) }
        let asked = try Self.questions("someuser", #"A\someuser"#, #"B\someuser"#, #"MYCORP\someuser"#)
        site.directory.doubtAbsence(["SSSD does not tell; install its InfoPipe"])
        let resolution = try await site.resolve("someuser")
        #expect(resolution.badLogin?.reason == .accountUnconfirmed)
        #expect(
            resolution.message
                == #"the directory knows no account A\someuser, and there may be one, so MYCORP\someuser may be "#
                + "somebody else; SSSD does not tell; install its InfoPipe; or name the account with its domain"
        )
        #expect(resolution.rules.suffix(3) == ["visibleDomain", "visibleDomain", "accountUnconfirmed"])
        #expect(site.directory.lookups == asked)
        #expect(try await site.resolve(#"MYCORP\someuser"#).runsAs == #"MYCORP\someuser"#)
        #expect(try await site.resolve("alice").runsAs == "alice")
        site.directory.doubtAbsence([])
        #expect(try await site.resolve("someuser").runsAs == #"MYCORP\someuser"#)

        let first = try await Site(.user) { $0.visibleDomains = Sourced(["MYCORP", "A"], from: Site.line(4)) }
        first.directory.doubtAbsence(["SSSD does not tell; install its InfoPipe"])
        #expect(try await first.resolve("someuser").runsAs == #"MYCORP\someuser"#)
    }

    @Test("is not in a later domain either where that is what the second look finds, and a doubt has come up meanwhile")
    func doubtOnTheSecondLook() async throws {
        let site = try await Site(.user) { $0.visibleDomains = Sourced(["A", "MYCORP"], from: Site.line(4)) }
        let stranger = try Account.forTesting(#"MYCORP\stranger"#, uid: 11_300)
        site.directory.beforeAnswering { [directory = site.directory] lookup in
            guard lookup.freshness == .current else { return }
            directory.add(stranger)
            directory.doubtAbsence(["SSSD does not tell; install its InfoPipe"])
        }
        let resolution = try await site.resolve("stranger")
        #expect(resolution.badLogin?.reason == .accountUnconfirmed)
        #expect(resolution.rules == ["userMode", "localAccount", "visibleDomain", "accountUnconfirmed"])
    }

    @Test("is the domain with the site's own separator")
    func separator() async throws {
        let syntax = AccountNameSyntax(separator: "+")
        let site = try await Site(.user) {
            $0.nameSyntax = syntax
            $0.hostDomain = Sourced("MYCORP")
        }
        #expect(try await site.resolve("someuser").identity?.account.userID == UserID(11_103))
        let question = try #require(site.directory.lookups.first?.question)
        #expect("\(question)".contains("MYCORP+someuser"))
    }

    @Test("is the local account first, so a domain cannot take its name")
    func localFirst() async throws {
        let site = try await Site(.user) { $0.visibleDomains = Sourced(["MYCORP", "OTHER"]) }
        #expect(try await site.resolve("qubeproxy").identity?.account.userID == UserID(2_100))
        #expect(site.directory.lookups == (try Self.questions("qubeproxy")))
    }

    @Test("ends at the first failure: a domain that cannot be asked is not a domain without the account")
    func failureOnTheWay() async throws {
        let site = try await Site(.user) { $0.visibleDomains = Sourced(["A", "MYCORP"], from: Site.line(4)) }
        site.directory.fail(.account(named: try AccountName(#"A\someuser"#)))
        let error = try #require(try await site.failure("someuser"))
        #expect(error.code == .directoryUnavailable)
        #expect(error.message.hasPrefix(#"account A\someuser could not be looked up, so nothing runs: "#))
        #expect(error.underlyingError as? AccountDirectoryError == .testOutage)
        #expect(error.explanation.entries.map(\.rule) == ["userMode", "localAccount"])
        #expect(site.directory.lookups == (try Self.questions("someuser", #"A\someuser"#)))
    }

    @Test("is no different for proxy_account", arguments: [ExecutionMode.user, .proxy])
    func bothModes(mode: ExecutionMode) async throws {
        let site = try await Site(mode) {
            $0.proxyAccount = Sourced("someuser")
            $0.visibleDomains = Sourced(["OTHER", "MYCORP"])
        }
        #expect(try await site.resolve("someuser").runsAs == #"OTHER\someuser"#)
    }

    @Test(
        "is a matter of the policy: a domain that is none is its fault and not the name's",
        arguments: [#"MYCORP\x"#, "MY CORP", " ", "a@b", "-", "MYCORP\n"]
    )
    func invalidDomain(domain: String) async throws {
        let host = try await Site(.user) { $0.hostDomain = Sourced(domain, from: Site.line(3)) }
        let hostError = try #require(try await host.failure("alice"))
        #expect(hostError.code == .invalidPolicy)
        #expect(hostError.message.hasPrefix("worker_host_domain (/etc/qb.conf:3) puts account alice into the domain"))
        let visible = try await Site(.user) { $0.visibleDomains = Sourced(["A", domain], from: Site.line(4)) }
        let visibleError = try #require(try await visible.failure("alice"))
        #expect(visibleError.code == .invalidPolicy)
        #expect(visibleError.message.hasPrefix("visible_domains (/etc/qb.conf:4) puts account alice into the domain"))
    }

    @Test("does not turn a bare name into a domain account, nor the other way round, by the directory's own doing")
    func answersMustAgree() async throws {
        let site = try await Site(.user)
        let domainAccount = try Account.forTesting(#"MYCORP\alice"#, uid: 11_200)
        let localAccount = try Account.forTesting("alice", uid: 2_001)
        site.directory.answer(try AccountName("alice"), with: domainAccount)
        #expect(try await site.resolve("alice").denial?.reason == .nameMismatch)
        site.directory.answer(try AccountName("alice"), with: localAccount)
        site.directory.answer(try AccountName(#"MYCORP\alice"#), with: domainAccount)
        #expect(try await site.resolve("alice").runsAs == "alice")
        #expect(try await site.resolve(#"MYCORP\alice"#).runsAs == #"MYCORP\alice"#)
    }

    @Test("is not decided by answers that contradict each other, and that is no outage: asking again would not help")
    func contradiction() async throws {
        let site = try await Site(.user)
        site.directory.failEverything(
            with: AccountDirectoryError(.inconsistentAnswer, subject: "account alice", message: "it is two accounts")
        )
        let error = try #require(try await site.failure("alice"))
        #expect(error.code == .directoryInconsistent)
        #expect(error.code.description == "directoryInconsistentAnswer")
        #expect(error.message.contains("it is two accounts"))
    }

    @Test("is given up when the task is cancelled, and that is no outage")
    func cancellation() async throws {
        let site = try await Site(.user)
        site.directory.failEverything(
            with: AccountDirectoryError(.cancelled, subject: "account alice", message: "nobody waits for it")
        )
        #expect(try await site.failure("alice")?.code == .cancelled)
    }

    @Test(
        "is nowhere in any mode while the directory is down, and everywhere again afterwards",
        arguments: ExecutionMode.allCases
    )
    func outage(mode: ExecutionMode) async throws {
        let site = try await Site(mode)
        site.directory.failEverything()
        let error = try #require(try await site.failure("alice"))
        #expect(error.code == .directoryUnavailable)
        #expect(error.explanation.entries.map(\.rule) == ["\(mode)Mode"])
        site.directory.failEverything(with: nil)
        #expect(try await site.resolve("alice").identity != nil)
    }
}
