import Foundation
import Glibc
import Testing

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
