import Impersonation
import SystemPackage
import Testing

@Suite("Sessions while SSSD or its directory is away", .on(.sssd), .serialized, .timeLimit(.minutes(10)))
struct SSSDSessionOutageTests {
    // Its clients look first into a file of accounts that it shares with them, and that outlives it.
    @Test("are refused before PAM is asked where the helper itself has to ask for the account, and opened again")
    func nameService() async throws {
        try await SessionOutage.expectNoPAM(
            without: "sssd",
            as: "someuser@mycorp.test",
            "sss",
            .connectionRefused,
            environment: ["SSS_NSS_USE_MEMCACHE=NO"]
        )
    }

    // Nobody is told that groups are missing because the daemon could not be asked (`getgrouplist(3)`).
    @Test("are refused to an account that the file has without its groups: it is not the one the daemon knows")
    func groupsForgotten() async throws {
        let name = "someuser@mycorp.test"
        let helper = try await SessionHelper()
        let identity = try #require(try await Site().resolve(name).identity)
        try await Control.forget()
        try await Control.ask(for: name, asUserID: 65_534)
        try await Control.without("sssd", isFrozen: false) {
            let outcome = try await helper.launcher("sss").outcome(of: SessionHelper.command("id"), as: identity)
            #expect(outcome.failure?.code == .refused, "\(outcome)")
            #expect(outcome.failure?.message.contains("it is no member of group 19406011") == true, "\(outcome)")
        }
        #expect(try await helper.run("id -un", as: name, "sss").text == "\(name)\n")
    }

    @Test(
        "are refused when SSSD goes away in the middle, as a directory that is away",
        arguments: [
            SessionOutage(
                step: .authenticate,
                isFrozen: false,
                error: .directoryUnavailable,
                answer: (9, .serviceUnavailable)
            ),
            SessionOutage(step: .authenticate, isFrozen: true, error: .deadlineExceeded),
            SessionOutage(
                step: .checkAccount,
                isFrozen: false,
                error: .directoryUnavailable,
                answer: (9, .serviceUnavailable)
            ),
            SessionOutage(step: .checkAccount, isFrozen: true, error: .deadlineExceeded),
        ]
    )
    func sssd(_ outage: SessionOutage) async throws {
        try await outage.expect(without: "sssd", as: "someuser@mycorp.test", asking: "pam_sss.so")
    }

    @Test(
        "are refused where the directory is away and SSSD has never seen the password, and opened where none is proven",
        arguments: [
            SessionOutage(
                step: .authenticate,
                isFrozen: false,
                error: .accountRefused,
                answer: (6, .accessDenied)
            ),
            SessionOutage(
                step: .authenticate,
                isFrozen: true,
                error: .accountRefused,
                answer: (6, .accessDenied)
            ),
            SessionOutage(step: .checkAccount, isFrozen: false, error: nil),
            SessionOutage(step: .checkAccount, isFrozen: true, error: nil),
        ]
    )
    func directory(_ outage: SessionOutage) async throws {
        try await outage.expect(without: "directory", as: "nested@mycorp.test", asking: "pam_sss.so")
    }

    @Test(
        "are opened while the directory is away with a password that SSSD has seen and keeps",
        arguments: [true, false]
    )
    func cachedPassword(isFrozen: Bool) async throws {
        _ = try await SessionHelper().run("true", as: "john smith@mycorp.test", "sss", rightPassword)
        let outage = SessionOutage(step: .authenticate, isFrozen: isFrozen, error: nil)
        try await outage.expect(without: "directory", as: "john smith@mycorp.test", asking: "pam_sss.so")
    }
}
