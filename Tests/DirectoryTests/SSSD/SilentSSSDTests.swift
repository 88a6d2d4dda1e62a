import Impersonation
import Testing

@Suite("SSSD as packages set it up", .on(.ldapShort), .serialized, .timeLimit(.minutes(5)))
struct SilentSSSDTests {
    @Test("calls those absent of a directory that is away, the message names both, and doctor says what is missing")
    func directoryAway() async throws {
        try await Control.forget()
        try await Control.without("directory", isFrozen: false) {
            let resolution = try await Site().resolve("okuser@OTHER")
            #expect(resolution.identity == nil)
            #expect(resolution.badLogin?.reason == .accountNotFound)
            #expect(resolution.message.contains("while it does not"), "\(resolution.message)")
        }
        let doubts = try await nameService().route().doubts
        #expect(doubts.count == 1)
        #expect(doubts.first?.contains("install its InfoPipe (sssd-dbus)") == true, "\(doubts)")
        // The tool finds no helper here where it is usually installed.
        let text = try await Control.doctor()
        #expect(text.contains("warning  directories"), "\(text)")
        #expect(text.contains("are not asked whether they do; install impersonation-helper"), "\(text)")
    }
}
