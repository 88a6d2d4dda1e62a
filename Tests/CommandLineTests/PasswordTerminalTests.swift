import Foundation
import Glibc
import Testing

@Suite("impersonate run --stdin in a terminal", .inTestBed, .timeLimit(.minutes(2)))
struct PasswordTerminalTests {
    private static let right = "alice-secret"

    private let scratch: Scratch
    private let service: ServiceOfTool
    private let keyboard: String
    private let typescript: String

    init() throws {
        scratch = try Scratch()
        service = try ServiceOfTool()
        keyboard = scratch.file("keyboard")
        typescript = scratch.file("typescript")
        #expect(unsafe mkfifo(keyboard, 0o600) == 0)
    }

    /// What is typed, as `printf(1)` has it, once a condition of a shell holds; 3 is the terminal.
    private struct Keys {
        let condition: String
        let text: String

        /// Once the terminal shows nothing of it.
        static func silently(_ text: String) -> Keys {
            Keys(condition: "stty -a <&3 | grep -qw -e -echo", text: text)
        }

        /// Once the tool hands on what is typed.
        static func handedOn(_ text: String) -> Keys {
            Keys(condition: "stty -a <&3 | grep -q -e -isig", text: text)
        }
    }

    /// Runs the tool in a terminal that script(1) makes.
    ///
    /// - Parameters:
    ///   - options: Options beside those that every test needs.
    ///   - command: The command.
    ///   - keys: What is typed.
    ///   - afterwards: What the shell does then.
    ///   - isContinued: Whether the tool is in a job that is stopped once, and continued by a shell that has set the terminal.
    /// - Returns: What was to be seen in the terminal: the settings before, the run, its status and the settings after.
    /// - Throws: What keeps script(1) or the helper from being run.
    private func run(
        _ options: String = "",
        _ command: String,
        typing keys: [Keys],
        afterwards: String = ":",
        isContinued: Bool = false
    ) async throws -> String {
        var output = ""
        try await HelperOfTool.running("peers = 0\naccounts = *\npam-services = \(service.name)\n") { helper in
            let configuration = try scratch.configure([
                "proxy_account = alice", "launch_backend = pam", "pam_service = \(service.name)",
            ])
            let words = ["\(Tool.path)", "run", "--login", "alice", "--stdin"] + configuration + helper
            // Whoever types goes with the shell that waits for the tool.
            let typing =
                keys.map { "until \($0.condition); do kill -0 $$ || exit; done; printf '\($0.text)' >\(keyboard)" }
                .joined(separator: "; ")
            let file = try scratch.write(
                "in-the-terminal",
                """
                exec 3<&0
                trap : INT QUIT
                stty -g
                (\(typing)) &
                \(isContinued ? "/bin/sh -c '" : "")\(words.joined(separator: " ")) \(options) -- \(command)
                echo status $?\(isContinued ? "'; stty echo -echonl; echo again; fg" : "")
                \(afterwards)
                stty -g

                """
            )
            let shell = isContinued ? "/bin/bash -m" : "/bin/sh"
            let terminal = "exec 9<>\(keyboard); exec script -qefc 'exec \(shell) \(file)' \(typescript) <&9"
            output = try await Tool(prefix: ["/bin/sh", "-c", terminal]).run([], omittingTool: true).output
        }
        let lines = output.split(separator: "\r\n")
        #expect(lines.first == lines.last, "the terminal is as it was: \(output)")
        #expect(!output.contains(Self.right))
        return output
    }

    @Test("asks for the password and does not show it")
    func typed() async throws {
        let output = try await run(
            "",
            "/bin/sh -c 'id -un; readlink /proc/self/fd/0'",
            typing: [.silently("\(Self.right)\\n")]
        )
        #expect(
            output.contains("Password of the account that the command runs as: \r\nalice\r\n/dev/null\r\nstatus 0\r\n"),
            "\(output)"
        )
    }

    @Test("gives the command with a terminal of its own what is typed behind the password")
    func relayed() async throws {
        let job = "/bin/sh -c 'stty -echo; echo ready; read line; echo got $line; exit 7'"
        let output = try await run("--tty", job, typing: [.silently("\(Self.right)\\n"), .handedOn("one\\n")])
        #expect(output.contains("got one\r\n"), "\(output)")
        #expect(output.contains("status 7\r\n"))
    }

    @Test(
        "is ended by the keys that end programs, and asks again after the one that stops them",
        arguments: [(2, "003"), (3, "034")]
    )
    func signals(_ signal: Int, _ key: String) async throws {
        let again = Keys(condition: "[ $(grep -c 'Password of' \(typescript)) = 2 ]", text: "\\\(key)")
        let output = try await run("", "id", typing: [.silently("half\\032"), again])
        #expect(output.contains("status \(128 + signal)\r\n"), "\(output)")
        #expect(output.split(separator: "Password of the account").count == 3)
        #expect(!output.contains("half"))
        #expect(service.tries == 0)
    }

    @Test("hands signals on to the command as well, once it has the password", arguments: [(1, "HUP"), (15, "TERM")])
    func signalsAfterwards(_ signal: Int, _ name: String) async throws {
        let ended = Keys(
            condition: "grep -q running \(typescript) && kill -\(name) $(pgrep -x impersonate)",
            text: ""
        )
        let job = "/bin/sh -c 'echo running; exec sleep 100000'"
        let output = try await run("", job, typing: [.silently("\(Self.right)\\n"), ended])
        #expect(output.contains("status \(128 + signal)\r\n"), "\(output)")
    }

    @Test("shows nothing either when its job was stopped and is continued")
    func continued() async throws {
        let again = Keys(
            condition: "grep -q again \(typescript) && [ $(grep -c 'Password of' \(typescript)) = 2 ] && "
                + "stty -a <&3 | grep -qw -e -echo",
            text: "\(Self.right)\\n"
        )
        let output = try await run("", "id -un", typing: [.silently("half\\032"), again], isContinued: true)
        #expect(output.contains("\r\nalice\r\nstatus 0\r\n"), "\(output)")
    }

    @Test("stays stopped for nobody who has continued it before it could stop")
    func continuedBefore() async throws {
        // The shell's kill(1) is no process, so nothing but a system call lies between the two.
        let silent = "stty -a <&3 | grep -qw -e -echo"
        let wait = "do kill -0 $tool || exit; done"
        let hurry = "for i in $(seq 100); do kill -TSTP $tool; kill -CONT $tool; until \(silent); \(wait); done"
        // Nothing of that is on its way any more when a stop of its own has happened.
        let stopped = "kill -TSTP $tool; until grep -q '^State:.T' /proc/$tool/status; \(wait)"
        let asked = "grep -c 'Password of' \(typescript)"
        let again = "asked=$(\(asked)); kill -CONT $tool; until [ $(\(asked)) -gt $asked ] && \(silent); \(wait)"
        let once = Keys(
            condition: "\(silent) && tool=$(pgrep -x impersonate) && { \(hurry); \(stopped); \(again); }",
            text: "\(Self.right)\\n"
        )
        let output = try await run("", "id -un", typing: [once], isContinued: true)
        #expect(output.contains("\r\nalice\r\nstatus 0\r\n"), "\(output)")
    }

    @Test("leaves no file of a report behind when it is ended instead of answered")
    func report() async throws {
        try FileManager.default.createDirectory(atPath: scratch.file("reports"), withIntermediateDirectories: false)
        let options = "--report \(scratch.file("reports/report"))"
        let output = try await run(options, "id", typing: [.silently("half\\003")])
        #expect(output.contains("status 130\r\n"), "\(output)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.file("reports")) == [])
    }

    @Test("leaves nothing of a line that is too long to whoever reads next")
    func tooLong() async throws {
        let output = try await run(
            "",
            "id",
            typing: [.silently("%0600d\\n")],
            afterwards: "echo rest $(timeout --foreground 1 head -n 1 | wc -c)"
        )
        #expect(output.contains("status 125\r\n"), "\(output)")
        #expect(output.contains("rest 0\r\n"))
        #expect(service.tries == 0)
    }
}
