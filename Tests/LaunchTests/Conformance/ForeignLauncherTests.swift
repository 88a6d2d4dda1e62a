import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

@Suite("A launcher that is written against the public interface alone", .testBed)
struct ForeignLauncherTests {
    private static let promises = [
        "streams are written and read while the job runs",
        "a terminal is the job's own, of the size and type that were asked for, and carries both ways",
        "a terminal interrupts the job by byte 3, and hangs up when it is closed",
    ]

    @Test("keeps what launchers promise of streams:", arguments: promises, ForeignLauncher.Connection.allCases)
    func keeps(_ promise: String, _ connection: ForeignLauncher.Connection) async throws {
        let connection = connection.rawValue
        // Of the descriptors that it makes no other test's children are to have one.
        await #expect(processExitsWith: .success) {
            [promise = promise as String, connection = connection as String] in
            let requirement = try #require(
                ProcessLauncherConformance.requirements.first { $0.name == promise },
                "there is no such promise"
            )
            let launcher = ForeignLauncher(connection: try #require(ForeignLauncher.Connection(rawValue: connection)))
            let account = try Account.forTesting("alice", uid: 2_001, home: "/bed/home/alice")
            let subject = LauncherUnderTest(launcher, as: try await .forTesting(account: account), patience: ample)
            do throws(ConformanceFailure) {
                try await requirement.check(subject)
            } catch {
                Issue.record("\(error)")
            }
        }
    }
}
