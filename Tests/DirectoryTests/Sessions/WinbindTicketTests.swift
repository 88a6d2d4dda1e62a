import Foundation
import Impersonation
import SystemPackage
import Testing

/// winbind has one place for the tickets of an account, which all of its sessions have in common, and counts who uses it.
@Suite("Tickets of jobs that run at once, by winbind", .on(.winbind), .serialized, .timeLimit(.minutes(10)))
struct WinbindTicketTests {
    /// Where tickets are, and who has a session of his own.
    struct Place: Sendable, CustomTestStringConvertible {
        let type: String
        let cache: String
        var sessions = PAMLauncher.Sessions.perJob

        var testDescription: String { "\(cache), \(sessions)" }
    }

    private static let file = Place(type: "FILE", cache: "FILE:/tmp/krb5cc_11103")
    private static let keyring = Place(type: "KEYRING", cache: "KEYRING:persistent:11103")
    private static let shared = Place(
        type: "FILE",
        cache: "FILE:/tmp/krb5cc_11103",
        sessions: .shared(idleTime: .seconds(3_600))
    )

    @Test(
        "are left to the others by the end of one, whether it was the first or the last to come",
        arguments: [file, keyring, shared]
    )
    func others(_ place: Place) async throws {
        // Nothing of another test is counted.
        try await Control.forget()
        let service = try Self.service(place)
        let helper = try await SessionHelper(service)
        let identity = try #require(try await Site().resolve(#"MYCORP\someuser"#).identity)
        let name = identity.account.name
        let launcher = try await helper.launcher(service.suffix, rightPassword, for: name, sessions: place.sessions)
        for isFirst in [true, false] {
            let gate = "gate-\(isFirst)"
            let longer = SessionHelper.command(
                #"while [ ! -e \#(service.place(gate)) ]; do sleep 0.01; done; echo "$KRB5CCNAME"; klist"#
            )
            let short = SessionHelper.command(
                "while [ ! -e \(service.place("go-\(isFirst)")) ]; do sleep 0.01; done; klist"
            )
            let before = isFirst ? try await launcher.launch(short, as: identity) : nil
            let stays = try await launcher.launch(longer, as: identity)
            let after = isFirst ? nil : try await launcher.launch(short, as: identity)
            try service.make("go-\(isFirst)")
            let ended = try #require(before ?? after)
            #expect(try await ended.exitReport().standardOutput?.text.contains(Self.ticket) == true)
            try service.make(gate)
            let report = try await stays.exitReport()
            #expect(report.status == .exited(0))
            #expect(report.standardOutput?.text.hasPrefix("\(place.cache)\n") == true)
            #expect(report.standardOutput?.text.contains(Self.ticket) == true)
        }
    }

    @Test("are gone with the last session", arguments: [file, keyring])
    func last(_ place: Place) async throws {
        try await Control.forget()
        let service = try Self.service(place)
        let helper = try await SessionHelper(service)
        for _ in 0..<2 {
            let (text, _) = try await helper.run("klist", as: #"MYCORP\someuser"#, service.suffix, rightPassword)
            #expect(text.contains(Self.ticket))
            let look = "KRB5CCNAME=\(place.cache) klist -s || echo none"
            #expect(try await helper.run(look, as: #"MYCORP\someuser"#, service.suffix).text == "none\n")
        }
    }

    // A ticket is made under the name of the cache at once, and what there is goes when it is refused; a file is made aside.
    @Test(
        "are taken from a job that runs by a wrong password where they are in the keyring, and not where they are in a file",
        arguments: [(file, true), (keyring, false)]
    )
    func wrongPassword(_ place: Place, isKept: Bool) async throws {
        try await Control.forget()
        let service = try Self.service(place)
        let helper = try await SessionHelper(service)
        let identity = try #require(try await Site().resolve(#"MYCORP\someuser"#).identity)
        let launcher = try await helper.launcher(service.suffix, rightPassword, for: identity.account.name)
        let script = "klist -s && while [ ! -e \(service.place("gate")) ]; do sleep 0.01; done && klist -s"
        let job = try await launcher.launch(SessionHelper.command(script), as: identity)
        let refused = try await helper.refusal(#"MYCORP\someuser"#, service.suffix, "wrong")
        #expect(refused.sessionRefusal?.reason == .wrongPassword)
        try service.make("gate")
        #expect(try await job.exitReport().status == .exited(isKept ? 0 : 1))
    }

    @Test(
        "go with a shared session that nobody else has joined, and stay where others have proven their password to join",
        arguments: [(1, false), (2, true)]
    )
    func sharedSession(jobs: Int, isKept: Bool) async throws {
        try await Control.forget()
        let cache = "/tmp/krb5cc_11103"
        try? FileManager.default.removeItem(atPath: cache)
        let service = try Self.service(Self.shared, "auth required \(OwnService.module) [uncred:record=HERE/ended]")
        var helper: SessionHelper? = try await SessionHelper(service)
        let identity = try #require(try await Site().resolve(#"MYCORP\someuser"#).identity)
        let launcher = try #require(
            try await helper?
                .launcher(service.suffix, rightPassword, for: identity.account.name, sessions: Self.shared.sessions)
        )
        for _ in 0..<jobs {
            let job = try await launcher.launch(SessionHelper.command("klist -s"), as: identity)
            #expect(try await job.exitReport().status == .exited(0))
        }
        #expect(!service.has("ended"))
        // Its sessions end with it.
        helper = nil
        let end = ContinuousClock.now + patience
        while !service.has("ended"), .now < end { try await Task.sleep(for: .milliseconds(5)) }
        #expect(service.names(in: "ended") == [#"MYCORP\someuser"#])
        #expect(FileManager.default.fileExists(atPath: cache) == isKept)
        try? FileManager.default.removeItem(atPath: cache)
    }

    private static let ticket = "krbtgt/MYCORP.TEST@MYCORP.TEST"

    private static func service(_ place: Place, _ more: String = "") throws -> OwnService {
        let module = "pam_winbind.so krb5_auth krb5_ccache_type=\(place.type)"
        return try OwnService(
            "auth required \(module)",
            more,
            "account required pam_winbind.so",
            "session required \(module)"
        )
    }
}
