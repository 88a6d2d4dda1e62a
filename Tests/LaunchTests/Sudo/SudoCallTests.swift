import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("A call of sudo", .testBed)
struct SudoCallTests {
    private static let patience = Duration.seconds(60)

    private static func answer(_ script: String, for patience: Duration = patience) throws -> SudoCall.Answer {
        try SudoCall.run(["/bin/sh", "-c", script], for: patience)
    }

    @Test("ends with its process, whoever keeps its output open, and has all that was written until then")
    func heldOutput() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let answer = try Self.answer("sleep 1000 & echo $!; echo a reason >&2; exit 7")
            let lines = answer.output.split(separator: "\n")
            let holder = try #require(lines.first.flatMap { Int32($0) })
            // It is there still: nothing but the end of the call can have ended the wait.
            #expect(kill(holder, SIGKILL) == 0)
            #expect(answer.status == 7)
            #expect(lines.last == "a reason")
        }
    }

    @Test("is not held up by what writes on and on behind it either")
    func flood() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let answer = try Self.answer("yes & exit 7")
            #expect(answer.status == 7)
            #expect(answer.output.utf8.count <= 16 * 1_024)
        }
    }

    @Test("goes on when it closes its output, and keeps the beginning of much")
    func output() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            #expect(try Self.answer("exec >&- 2>&-; sleep 0.1; exit 3").status == 3)
            let answer = try Self.answer("head -c 1000000 /dev/zero | tr '\\0' x")
            #expect(answer.status == 0)
            #expect(answer.output.utf8.count == 16 * 1_024)
            #expect(answer.output.allSatisfy { $0 == "x" })
            #expect(try Self.answer("kill -9 $$").status == nil)
        }
    }

    @Test("that does not end in time is told from others")
    func late() async {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            #expect(throws: SudoCall.Failure.notInTime) { try Self.answer("exec sleep 1000", for: .milliseconds(100)) }
        }
    }
}
