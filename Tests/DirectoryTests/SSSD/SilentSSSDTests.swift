import Impersonation
import Testing

@Suite("SSSD as packages set it up", .on(.ldapShort), .serialized, .timeLimit(.minutes(5)))
struct SilentSSSDTests {
    @Test(
        "calls those absent of a directory that is away: nobody can tell, the message says so, and doctor what is missing"
    )
    func directoryAway() async throws {
        try await Control.forget()
        try await Control.without("directory", isFrozen: false) {
            let resolution = try await Site().resolve("okuser@OTHER")
            #expect(resolution.identity == nil)
            #expect(resolution.badLogin?.reason == .accountUnconfirmed)
            #expect(
                resolution.message.contains("knows no account okuser@OTHER, and there may be one; SSSD"),
                "\(resolution.message)"
            )
            #expect(resolution.message.contains("install its InfoPipe (sssd-dbus)"), "\(resolution.message)")
            // By whom nobody is asked.
            let directory = nameService(asking: .getent)
            #expect(await directory.reasonsToDoubtAbsence().first?.contains("are not asked whether they do") == true)
        }
        // Nor while it is reached: nobody tells that either.
        let unknown = try await Site().resolve("nosuch@OTHER")
        #expect(unknown.badLogin?.reason == .accountUnconfirmed)
        #expect(try await Site().resolve("onlyother@OTHER").identity != nil)
        let doubts = try await nameService().route().doubts
        #expect(doubts.count == 1)
        #expect(doubts.first?.contains("install its InfoPipe (sssd-dbus)") == true, "\(doubts)")
        // The tool finds no helper here where it is usually installed.
        let text = try await Control.doctor()
        #expect(text.contains("warning  directories"), "\(text)")
        #expect(text.contains("are not asked whether they do; install impersonation-helper"), "\(text)")
    }
}
