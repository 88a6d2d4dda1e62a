import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

/// A shell makes the children for it: one for `( )`, which it does not replace, and one for a program.
@Suite("The kernel's mark of a process that has not executed", .testBed)
struct ExecutionMarkTests {
    /// A child, killed or alive, and what is concluded from its mark.
    struct Child: CustomTestStringConvertible, Sendable {
        let command: String
        let hasEnded: Bool
        let hasExecuted: Bool
        let hasExecutedAfterClone: Bool

        var testDescription: String { "\(command), \(hasEnded ? "a zombie" : "alive")" }
    }

    static let children = [
        // As one in the middle of its exec: the clone has come back, and the mark is there still.
        Child(command: Self.unexecuted, hasEnded: false, hasExecuted: false, hasExecutedAfterClone: true),
        // As one that was killed before its exec.
        Child(command: Self.unexecuted, hasEnded: true, hasExecuted: false, hasExecutedAfterClone: false),
        Child(command: "/bin/sleep 1000", hasEnded: false, hasExecuted: true, hasExecutedAfterClone: true),
        Child(command: "/bin/sleep 1000", hasEnded: true, hasExecuted: true, hasExecutedAfterClone: true),
    ]

    private static let unexecuted = "(while :; do read x; done)"

    @Test("tells who has, where the clone has come back as well", arguments: children)
    func marks(_ child: Child) async throws {
        let number = freshPath("number")
        let script = "\(child.command) & echo $! > \(number); exec sleep 1000"
        let command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
        let process = try await SetUIDLauncher().launch(command, as: TestBed.alice.identity)
        var text = ""
        while !text.hasSuffix("\n") {
            try await Task.sleep(for: .milliseconds(1))
            text = (try? ProcFile.read(number)) ?? ""
        }
        let found = try #require(Int32(text.dropLast()))
        // What is to be a program may not be one yet.
        while try child.hasExecuted && !OutsideProof.hasExecuted(found) { try await Task.sleep(for: .milliseconds(1)) }
        if child.hasEnded {
            // The shell waits for its children behind each command; the program that it becomes does not.
            let shell = FilePath("/proc/\(process.processID.rawValue)/comm")
            while try ProcFile.read(shell) != "sleep\n" { try await Task.sleep(for: .milliseconds(1)) }
            #expect(kill(found, SIGKILL) == 0)
            while try !ProcessStat(of: found).hasEnded { try await Task.sleep(for: .milliseconds(1)) }
        }
        #expect(try OutsideProof.hasExecuted(found) == child.hasExecuted)
        #expect(try OutsideProof.hasExecuted(afterCloneOf: found) == child.hasExecutedAfterClone)
        _ = try await process.terminate(gracePeriod: .zero)
    }
}
