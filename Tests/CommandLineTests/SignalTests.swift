import Faults
import Foundation
import Glibc
import Impersonation
import Synchronization
import Testing

@testable import impersonate

@Suite("impersonate run: signals on their way to the job", .inTestBed)
struct SignalTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    /// Runs a job that says when its traps are set, and does something once it has.
    private func run(
        _ script: String,
        by tool: Tool = Tool(),
        whenReady act: @escaping @Sendable (Int32) -> Void
    ) async throws -> Tool.Outcome {
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        let ready = scratch.file("ready")
        let made = unsafe mkfifo(ready, 0o622)
        #expect(made == 0)
        let opened = unsafe chmod(ready, 0o622)
        #expect(opened == 0)
        // Nothing is forked once the job is ready: dash makes the child ignore INT and QUIT while it still shares the
        // shell's memory, and a signal to the group in that moment is lost to the trap.
        let command = ["sh", "-c", "\(script); sleep 1000 & echo > \(ready); wait; exit 99"]
        return try await tool.run(["run"] + configuration + ["--login", "alice", "--"] + command) { processID in
            // Opening the pipe for reading waits for the job to open it for writing.
            await withCheckedContinuation { continuation in
                DispatchQueue.global()
                    .async {
                        var pipe: Int32 = -1
                        repeat { pipe = unsafe open(ready, O_RDONLY) } while pipe < 0 && errno == EINTR
                        // To its end: a job that writes to a pipe nobody reads is ended by the kernel.
                        var bytes = [UInt8](repeating: 0, count: 16)
                        while unsafe read(pipe, &bytes, bytes.count) > 0 {}
                        close(pipe)
                        continuation.resume()
                    }
            }
            act(processID)
        }
    }

    @Test("a signal the tool receives reaches the job", arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT])
    func forwards(_ signal: Int32) async throws {
        let outcome = try await run("trap 'exit 42' \(signal)") { kill($0, signal) }
        #expect(outcome.status == 42)
    }

    @Test("a job that a forwarded signal ends is told apart from one that exits")
    func endsBySignal() async throws {
        let outcome = try await run(":") { kill($0, SIGTERM) }
        #expect(outcome.status == 128 + SIGTERM, "\(outcome.messages)")
    }

    @Test("the exit status is known also when the end of children was ignored")
    func keepsTheStatus() async throws {
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        let tool = Tool(prefix: ["/usr/bin/env", "--ignore-signal=CHLD"])
        let outcome = try await tool.run(
            ["run"] + configuration + ["--login", "alice", "--", "sh", "-c", "exit 7"]
        )
        #expect(outcome.status == 7)
    }

    @Test(
        "a signal that was blocked when the tool started, and that it does nothing with, ends it all the same",
        .timeLimit(.minutes(2)),
        arguments: [SIGUSR1, SIGALRM]
    )
    func endsThough(_ signal: Int32) async throws {
        let tool = Tool(prefix: ["/usr/bin/env", "--block-signal=USR1,ALRM"])
        let outcome = try await run("echo $$ >&2", by: tool) { kill($0, signal) }
        #expect(outcome.status == -signal)
        // Nobody was there any more to end the job.
        let job = try #require(pid_t(outcome.messages.filter(\.isNumber)))
        #expect(job > 1 && kill(-job, SIGKILL) == 0)
    }

    @Test("whoever ends to receive signals waits for what one that came before does")
    func waitsForThoseBefore() throws {
        let queue = DispatchQueue(label: "before")
        let signals = try ReceivedSignals([], on: queue) { _ in }
        let (begun, ended) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let outcome = Mutex(DispatchTimeoutResult.success)
        queue.async {
            begun.signal()
            let result = ended.wait(timeout: .now() + 0.5)
            outcome.withLock { $0 = result }
        }
        begun.wait()
        signals.end()
        ended.signal()
        queue.sync {}
        #expect(outcome.withLock { $0 } == .timedOut)
    }

    @Test("a tool that could hand no signals on starts nothing")
    func withoutDescriptor() async {
        await #expect(processExitsWith: .success) {
            let scratch = try Scratch()
            let arguments = try scratch.configure(["proxy_execution_mode = user"])
            let always = fault_condition(comparison: Int32(FAULT_ALWAYS.rawValue), argument: 0, value: 0)
            #expect(unsafe fault_install(fault_system_call("signalfd4"), always, always, EMFILE) == 0)
            let outcome = try await Tool()
                .run(["run"] + arguments + ["--login", "alice", "--", "/bin/echo", "started"])
            #expect(outcome.status == 125)
            #expect(outcome.messages.contains("signalsUnavailable"), "\(outcome.messages)")
            #expect(outcome.output.isEmpty)
        }
    }

    /// Runs a command to the end of its time with a standard error that nobody reads.
    ///
    /// - Parameter act: Called with the tool's process id and the pipe once the report is there.
    /// - Returns: The status of the tool.
    /// - Throws: What keeps the tool from being run, and what `act` throws.
    private func runUnread(
        whenReported act: @escaping @Sendable (Int32, String) async throws -> Void
    ) async throws -> Int32 {
        let arguments = try scratch.configure(["proxy_execution_mode = user"])
        let (pipe, report) = (scratch.file("full"), scratch.file("report"))
        #expect(unsafe mkfifo(pipe, 0o600) == 0)
        let script = """
            exec 4<>\(pipe)
            dd if=/dev/zero of=\(pipe) bs=4096 oflag=nonblock conv=notrunc 2>/dev/null
            exec "$0" "$@" 2>\(pipe)
            """
        let options = ["--login", "alice", "--report", report, "--timeout", "1s"]
        return try await Tool(prefix: ["/bin/sh", "-c", script])
            .run(["run"] + arguments + options + ["--", "/bin/sleep", "1000"]) { processID in
                while !FileManager.default.fileExists(atPath: report) { try await Task.sleep(for: .milliseconds(5)) }
                try await act(processID, pipe)
            }
            .status
    }

    @Test(
        "a signal that comes when the command has ended ends a tool whose messages nobody reads",
        .timeLimit(.minutes(1))
    )
    func endsUnread() async throws {
        let status = try await runUnread { processID, _ in kill(processID, SIGTERM) }
        #expect(status == 128 + SIGTERM)
    }

    @Test("a signal that comes when the command has ended leaves the tool the time to say so", .timeLimit(.minutes(1)))
    func reportsAll() async throws {
        let status = try await runUnread { processID, pipe in
            kill(processID, SIGTERM)
            func isPending() throws -> Bool {
                let status = try String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)
                return ProcessStatus(status).contains(.terminate, in: "ShdPnd")
            }
            while try isPending() { try await Task.sleep(for: .milliseconds(1)) }
            let reader = unsafe open(pipe, O_RDONLY | O_NONBLOCK)
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            while unsafe read(reader, &bytes, bytes.count) > 0 {}
            // The tool has the pipe open for reading as well.
            close(reader)
        }
        #expect(status == 124)
    }

    @Test("a signal that was ignored when the tool started stays ignored")
    func keepsIgnoring() async throws {
        let tool = Tool(prefix: ["/usr/bin/env", "--ignore-signal=HUP"])
        let outcome = try await run("trap 'exit 41' HUP; trap 'exit 42' TERM", by: tool) { processID in
            kill(processID, SIGHUP)
            kill(processID, SIGTERM)
        }
        #expect(outcome.status == 42)
    }
}
