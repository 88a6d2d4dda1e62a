import Impersonation
import SystemPackage

extension ProcessLauncherConformance {
    static let terminalRequirements: [Requirement] = [
        Requirement("a terminal is the job's own, of the size and type that were asked for, and carries both ways") {
            subject in
            var command = LauncherUnderTest.script(
                """
                stty -echo; stty size; echo "$TERM"
                [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && : </dev/tty && echo own
                echo ready; read line; echo "got $line"
                """
            )
            command.terminal = .pseudoterminal(rows: 33, columns: 101, type: "vt100")
            guard !subject.exemptions.contains(.terminalsAreRefused) else {
                return try await mustBeRefused(command.terminal, subject)
            }
            let process = try await subject.launch(command)
            guard let terminal = process.terminal else {
                _ = try await process.terminate(gracePeriod: .zero)
                throw Violation(message: "the process has no terminal")
            }
            try require(
                process.standardOutput == nil && process.standardError == nil && process.standardInput == nil,
                "a process with a terminal has other streams as well"
            )
            try require(
                "what the job says of its terminal",
                try await text(of: terminal.output, upTo: "ready\r\n", subject),
                is: "33 101\r\nvt100\r\nown\r\nready\r\n"
            )
            try await terminal.input.write(Array("a word\n".utf8))
            try require("the answer", try await rest(of: terminal.output, subject), is: "got a word\r\n")
            try require("the end", try await process.exitReport().status, is: .exited(0))
        },
        Requirement("a terminal interrupts the job by byte 3, and hangs up when it is closed") { subject in
            guard !subject.exemptions.contains(.terminalsAreRefused) else { return }
            for (signal, end) in [
                (Signal.interrupt, { (terminal: PseudoTerminal) async throws in try await terminal.input.write([3]) }),
                (.hangup, { $0.close() }),
            ] {
                var command = LauncherUnderTest.script("echo ready; exec sleep 60")
                command.terminal = .pseudoterminal(rows: 24, columns: 80)
                let process = try await subject.launch(command)
                guard let terminal = process.terminal else { throw Violation(message: "the process has no terminal") }
                _ = try await text(of: terminal.output, upTo: "ready\r\n", subject)
                try await end(terminal)
                try require("the end", try await process.exitReport().status, is: .signaled(signal))
            }
        },
    ]

    /// Launches a job with a terminal where there is none to be had.
    private static func mustBeRefused(_ terminal: JobTerminal, _ subject: LauncherUnderTest) async throws {
        try await subject.withScratch { path in
            var command = LauncherUnderTest.script(#": >"$1""#, path.string)
            command.terminal = terminal
            let process: LaunchedProcess
            do throws(LaunchError) {
                process = try await subject.launch(command)
            } catch {
                return try require(!subject.exists(path), "the job has run all the same")
            }
            _ = try await process.terminate(gracePeriod: .zero)
            throw Violation(message: "a job with a terminal was launched, and the exemption says that there is none")
        }
    }

    /// Reads what a job writes until it has written something, which must come.
    private static func text(
        of output: ProcessOutput,
        upTo last: String,
        _ subject: LauncherUnderTest
    ) async throws -> String {
        try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask {
                var said = ""
                var chunks = output.makeAsyncIterator()
                while !said.hasSuffix(last), let chunk = try await chunks.next() {
                    said += String(decoding: chunk, as: UTF8.self)
                }
                return said
            }
            group.addTask {
                try await Task.sleep(for: subject.patience)
                return nil
            }
            defer { group.cancelAll() }
            guard let said = try await group.next() ?? nil else {
                output.close()
                throw Violation(message: "in \(subject.patience) the job has not said \(last.debugDescription)")
            }
            return said
        }
    }
}
