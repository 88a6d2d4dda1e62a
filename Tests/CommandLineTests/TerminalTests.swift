import Foundation
import Glibc
import Testing

@Suite("impersonate run --tty", .inTestBed)
struct TerminalTests {
    private let scratch: Scratch
    private let tool: String
    /// What is written there is typed.
    private let keyboard: String
    /// What the job opens once it is ready.
    private let ready: String

    init() throws {
        scratch = try Scratch()
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        tool = (["\(Tool.path)", "run"] + configuration + ["--login", "alice", "--tty"]).joined(separator: " ")
        keyboard = scratch.file("keyboard")
        ready = scratch.file("ready")
        for pipe in [keyboard, ready] {
            #expect(unsafe mkfifo(pipe, 0o622) == 0)
            #expect(unsafe chmod(pipe, 0o622) == 0)
        }
    }

    /// Runs a script in a terminal that script(1) makes, whose keyboard never ends.
    ///
    /// - Parameters:
    ///   - script: The script.
    ///   - act: What another shell does once the job has opened the pipe; 3 is the terminal.
    /// - Returns: What was to be seen in the terminal.
    /// - Throws: What keeps script(1) from being run.
    private func run(_ script: String, whenReady act: String? = nil) async throws -> Tool.Outcome {
        let aside = act.map { "(cat \(ready) >/dev/null; \($0)) &\n" } ?? ""
        let file = try scratch.write("in-the-terminal", "stty rows 33 cols 101\nexec 3<&0\n\(aside)\(script)\n")
        let terminal = "exec 9<>\(keyboard); exec script -qec '/bin/sh \(file)' /dev/null <&9"
        return try await Tool(prefix: ["/bin/sh", "-c", terminal]).run([], omittingTool: true)
    }

    /// The command may be ready before the tool has made its terminal raw: what is typed until then is the tool's own.
    private let untilHandedOn = "until stty -a <&3 | grep -q -e -isig; do kill -0 $$ || exit; done"

    @Test("gives the command a terminal of its own, of the same size, as the account")
    func own() async throws {
        let outcome = try await run("tty; \(tool) -- /bin/sh -c 'tty; stty size; id -un; stat -c %U $(tty)'; echo $?")
        let lines = outcome.output.split(separator: "\r\n").map(String.init)
        #expect(lines.count == 6, "\(outcome.output)")
        #expect(lines.allSatisfy { !$0.isEmpty })
        #expect(Set(lines.prefix(2)).count == 2 && lines.prefix(2).allSatisfy { $0.hasPrefix("/dev/pts/") })
        #expect(lines.suffix(4) == ["33 101", "alice", "alice", "0"])
    }

    @Test("hands on what is typed, and the exit status comes back")
    func typing() async throws {
        let outcome = try await run(
            "\(tool) -- /bin/sh -c 'stty -echo; echo > \(ready); read line; echo got $line; exit 7'; echo status $?",
            whenReady: "\(untilHandedOn); echo one > \(keyboard)"
        )
        #expect(outcome.output.contains("got one\r\n"), "\(outcome.output)")
        #expect(outcome.output.contains("status 7\r\n"))
    }

    @Test("hands on a key that interrupts to the command and not to itself")
    func interrupt() async throws {
        let job = #"trap "echo interrupted; exit 5" INT; \#(count); echo > \#(ready); \#(wait); exit 9"#
        let outcome = try await run(
            "\(tool) -- /bin/bash -c '\(job)'; echo status $?",
            whenReady: #"\#(untilHandedOn); printf '\003' > \#(keyboard)"#
        )
        #expect(outcome.output.contains("interrupted\r\n"), "\(outcome.output)")
        #expect(outcome.output.contains("status 5\r\n"))
    }

    @Test("follows the size of its own terminal")
    func size() async throws {
        // Rows and columns come one after the other, and bash(1) forgets a signal that comes while it runs a trap for the one before.
        let look = #"read -r -t 0.05 line; [ "$told $(stty size)" = "yes 20 40" ] && stty size && exit 5"#
        let job = #"trap "told=yes" WINCH; \#(count); echo > \#(ready); for i in $turns; do \#(look); done; exit 9"#
        let outcome = try await run(
            "\(tool) -- /bin/bash -c '\(job)'; echo status $?",
            whenReady: "stty rows 20 <&3; stty cols 40 <&3"
        )
        #expect(outcome.output.contains("20 40\r\n"), "\(outcome.output)")
        #expect(outcome.output.contains("status 5\r\n"))
    }

    /// Before the job says that it is ready: bash(1) forgets a SIGINT that comes while it waits for what it substitutes.
    private let count = "turns=$(seq 2000)"

    /// Long enough for a trap to be run, and it ends by itself.
    private let wait = "for i in $turns; do read -r -t 0.05 line; done"

    @Test("leaves its terminal as it was, also when the command is refused")
    func restores() async throws {
        let outcome = try await run(
            """
            stty -g; \(tool) -- /bin/true; stty -g
            \(tool) -- /nonexistent 2>/dev/null; stty -g
            """
        )
        let lines = outcome.output.split(separator: "\r\n")
        #expect(lines.count == 3, "\(outcome.output)")
        #expect(Set(lines).count == 1)
    }

    @Test("does not wait for what the command has left behind")
    func descendants() async throws {
        let job = #"trap "" HUP; sleep 1000 & echo sleeper $!"#
        let outcome = try await run("\(tool) -- /bin/sh -c '\(job)'; echo status $?")
        let words = outcome.output.split { $0.isWhitespace }
        #expect(words.suffix(2) == ["status", "0"], "\(outcome.output)")
        let sleeper = try #require(words.dropFirst().first.flatMap { Int32($0) })
        #expect(kill(sleeper, SIGKILL) == 0, "what was left behind still runs")
    }

    @Test("ends with the command, whatever goes on writing to its terminal")
    func orphan() async throws {
        let orphan = #"trap "" HUP; while echo more; do kill -USR1 $0 2>/dev/null; sleep 0.05; done"#
        let job = try scratch.write(
            "job",
            """
            trap 'exit 6' USR1
            terminal=$(tty)
            setsid sh -c '\(orphan)' $$ >$terminal 2>&1 &
            while :; do sleep 0.05; done

            """
        )
        #expect(unsafe chmod(job, 0o755) == 0)
        let outcome = try await run("\(tool) -- /bin/sh \(job); echo status $?")
        #expect(outcome.output.contains("status 6\r\n"), "\(outcome.output)")
        #expect(outcome.output.contains("more\r\n"))
    }

    @Test("is refused where there is no terminal to hand on")
    func none() async throws {
        let arguments = try scratch.configure(["proxy_execution_mode = user"])
        let outcome = try await Tool().run(["run"] + arguments + ["--login", "alice", "--tty", "--", "/bin/true"])
        #expect(outcome.status == 125)
        #expect(outcome.messages.contains("--tty"))
    }
}
