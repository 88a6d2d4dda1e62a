import Impersonation
import SystemPackage
import Testing

@Suite(
    "Sessions while winbind or its directory is away",
    .on(.winbind),
    .serialized,
    .timeLimit(.minutes(10))
)
struct WinbindSessionOutageTests {
    @Test("are refused before PAM is asked, because the helper itself looks the account up, and opened again")
    func nameService() async throws {
        try await SessionOutage.expectNoPAM(without: "winbind", as: #"MYCORP\someuser"#, "winbind", .ioError)
    }

    // The account check of the module says of everybody that it does not know him while its daemon is away.
    @Test(
        "are refused when winbind goes away in the middle: as a directory that is away, or as an account the module does not know",
        arguments: [
            SessionOutage(
                step: .authenticate,
                isFrozen: false,
                error: .directoryUnavailable,
                answer: (9, .serviceUnavailable)
            ),
            SessionOutage(step: .authenticate, isFrozen: true, error: .deadlineExceeded),
            SessionOutage(step: .checkAccount, isFrozen: false, error: .accountRefused, answer: (10, .unknownAccount)),
            SessionOutage(step: .checkAccount, isFrozen: true, error: .deadlineExceeded),
        ]
    )
    func winbind(_ outage: SessionOutage) async throws {
        try await outage.expect(without: "winbind", as: #"MYCORP\someuser"#, asking: "pam_winbind.so")
    }

    @Test(
        "are refused where a password has to be proven and the directory is away, and opened where none has to be",
        arguments: [
            SessionOutage(
                step: .authenticate,
                isFrozen: false,
                error: .directoryUnavailable,
                answer: (9, .serviceUnavailable)
            ),
            SessionOutage(step: .authenticate, isFrozen: true, error: .deadlineExceeded),
            SessionOutage(step: .checkAccount, isFrozen: false, error: nil),
            SessionOutage(step: .checkAccount, isFrozen: true, error: nil),
        ]
    )
    func directory(_ outage: SessionOutage) async throws {
        try await outage.expect(without: "directory", as: #"MYCORP\someuser"#, asking: "pam_winbind.so")
    }
}
