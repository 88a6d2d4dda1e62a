import Impersonation
import SystemPackage

extension ProcessLauncherConformance {
    static let signalRequirements: [Requirement] = [
        Requirement("a signal reaches the job, and nobody once the job has ended") { subject in
            for target in [SignalTarget.process, .group, .tree] {
                let process = try await subject.launch(Command(.path("/bin/sleep"), arguments: ["60"]))
                try process.send(.interrupt, to: target)
                try require("the end", try await process.exitReport().status, is: .signaled(.interrupt))
                do throws(Errno) {
                    try process.send(.kill, to: target)
                } catch {
                    try require("the error of a signal after the end", error, is: .noSuchProcess)
                    continue
                }
                throw Violation(message: "a signal to the \(target) was sent after the end of the job")
            }
        },
        Requirement("a job handles the signal that it was sent") { subject in
            let (process, output) = try await talkative(
                subject,
                "trap 'echo caught; exit 5' USR1; echo ready; \(idling)"
            )
            try process.send(.user1)
            try require("the end", try await process.exitReport().status, is: .exited(5))
            try require("what the job says", try await rest(of: output, subject), is: "caught\n")
        },
        Requirement("a job that is told to end politely may do so") { subject in
            let script = "trap 'echo bye; exit 6' TERM; echo ready; \(idling)"
            let (process, output) = try await talkative(subject, script)
            let exit = try await process.terminate(gracePeriod: subject.patience)
            try require("the end", exit.status, is: .exited(6))
            try require("what the job says", try await rest(of: output, subject), is: "bye\n")
        },
        Requirement("a job that does not listen is killed after the grace period") { subject in
            let (process, output) = try await talkative(subject, "trap '' TERM; echo ready; \(idling)")
            let begin = ContinuousClock.now
            let exit = try await process.terminate(gracePeriod: .milliseconds(200))
            try require("the end", exit.status, is: .signaled(.kill))
            let time = ContinuousClock.now - begin
            try require(time >= .milliseconds(150), "a grace period of 200 ms was \(time)")
            _ = try await rest(of: output, subject)
        },
        Requirement("ending a job ends what it has started, also what does not listen") { subject in
            let (process, output) = try await talkative(subject, withChild)
            let exit = try await process.terminate(gracePeriod: .milliseconds(100))
            try await requireNothingLeft(of: process, exit, output, subject)
        },
        Requirement("a job whose time is up is ended with what it has started, and told as that") { subject in
            let (process, output) = try await talkative(subject, withChild)
            let exit = try await process.exitReport(
                terminatingAfter: .milliseconds(100),
                gracePeriod: .milliseconds(100)
            )
            try require("the reason of the end", exit.interruption, is: .timeout)
            try await requireNothingLeft(of: process, exit, output, subject)
        },
        Requirement("a job ends, with what it has started, with the task that waits for it") { subject in
            let (process, output) = try await talkative(subject, withChild)
            let waiting = Task { try await process.exitReport(gracePeriod: .milliseconds(100)) }
            waiting.cancel()
            let exit = try await waiting.value
            try require("the reason of the end", exit.interruption, is: .cancellation)
            try await requireNothingLeft(of: process, exit, output, subject)
        },
        Requirement("a job that ends in time is told as it ended, also to a task that is cancelled later") { subject in
            let process = try await subject.launch(LauncherUnderTest.script("exit 4"))
            let exit = try await process.exitReport(terminatingAfter: subject.patience, gracePeriod: .zero)
            try require("the end", exit.status, is: .exited(4))
            try require("the reason of the end", exit.interruption, is: nil)
            let late = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await process.exitReport(terminatingAfter: .zero, gracePeriod: .zero)
            }
            late.cancel()
            try require("what is told later", try await late.value, is: exit)
        },
        Requirement("a job that two end at once is asked once, and has the shorter of two times") { subject in
            let counting = "count=0; trap 'count=$((count + 1)); echo $count; [ $count -lt 2 ] || exit 7' TERM"
            let (process, output) = try await talkative(subject, "\(counting); echo ready; \(idling)")
            let patient = Task { try await process.terminate(gracePeriod: subject.patience) }
            try await hear("1\n", in: output)
            let exit = try await process.terminate(gracePeriod: .milliseconds(500))
            try require("the end", exit.status, is: .signaled(.kill))
            try require("the end as the other is told it", try await patient.value.status, is: exit.status)
            try require("what else the job says", try await rest(of: output, subject), is: "")
        },
        Requirement("ending a job that has ended tells how it ended") { subject in
            let process = try await subject.launch(LauncherUnderTest.script("exit 4"))
            _ = try await process.exitReport()
            try require("the end", try await process.terminate(gracePeriod: .zero).status, is: .exited(4))
        },
    ]

    /// Stays until a signal comes, which a shell hears between two commands.
    private static let idling = "while :; do sleep 0.05; done"

    /// Has a child that does not listen and holds the stream: its end is the end of the output.
    private static let withChild = "(trap '' TERM; echo ready; exec sleep 300) & \(idling)"

    /// Looks whether a job was ended as a whole, or is said to be not.
    private static func requireNothingLeft(
        of process: LaunchedProcess,
        _ exit: ExitReport,
        _ output: ProcessOutput,
        _ subject: LauncherUnderTest
    ) async throws {
        if subject.exemptions.contains(.onlyTheFirstProcessIsEnded) {
            let isTold = exit.remainingProcesses > 0 || process.report.containment == .firstProcess
            output.close()
            try require(isTold, "neither the report of the start nor that of the end tells that processes are left")
        } else {
            try require("the processes that are left", exit.remainingProcesses, is: 0)
            _ = try await rest(of: output, subject)
        }
    }

    /// Starts a script that says "ready".
    private static func talkative(
        _ subject: LauncherUnderTest,
        _ script: String
    ) async throws -> (LaunchedProcess, ProcessOutput) {
        var command = LauncherUnderTest.script(script)
        command.standardOutput = .stream
        let process = try await subject.launch(command)
        guard let output = process.standardOutput else { throw Violation(message: "the process has no stream") }
        try await hear("ready\n", in: output)
        return (process, output)
    }

    /// Reads what a job says next.
    private static func hear(_ expected: String, in output: ProcessOutput) async throws {
        var chunks = output.makeAsyncIterator()
        var word: [UInt8] = []
        while word.count < expected.utf8.count, let chunk = try await chunks.next() { word += chunk }
        try require("what the job says", String(decoding: word, as: UTF8.self), is: expected)
    }

    /// Reads a stream to its end, which must come.
    static func rest(of output: ProcessOutput, _ subject: LauncherUnderTest) async throws -> String {
        try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask {
                var text: [UInt8] = []
                for try await chunk in output { text += chunk }
                return String(decoding: text, as: UTF8.self)
            }
            group.addTask {
                try await Task.sleep(for: subject.patience)
                return nil
            }
            defer { group.cancelAll() }
            guard let text = try await group.next() ?? nil else {
                output.close()
                throw Violation(message: "\(subject.patience) after its end a process of the job still has its output")
            }
            return text
        }
    }
}
