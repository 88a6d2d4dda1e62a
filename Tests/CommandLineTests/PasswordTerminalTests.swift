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
    ///   - prefix: What runs the tool.
    ///   - afterwards: What the shell does then.
    ///   - isContinued: Whether the tool is in a job that is stopped once, and continued by a shell that has set the terminal.
    ///   - whenStopped: What the shell does once the tool, which is in the background, has stopped.
    /// - Returns: What was to be seen in the terminal: the settings before, the run, its status and the settings after.
    /// - Throws: What keeps script(1) or the helper from being run.
    private func run(
        _ options: String = "",
        _ command: String,
        typing keys: [Keys],
        by prefix: String = "",
        afterwards: String = ":",
        isContinued: Bool = false,
        whenStopped: String? = nil
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
            let stopped = "until grep -q '^State:.T' /proc/$!/status; do kill -0 $! || exit; done"
            // `wait` tells an earlier stop as well.
            let ended = "while kill -0 $! 2>/dev/null; do :; done; wait $!"
            let background = whenStopped.map { " & \(stopped); \($0); \(ended)" } ?? ""
            let file = try scratch.write(
                "in-the-terminal",
                """
                exec 3<&0
                trap : INT QUIT
                stty -g
                (\(typing)) &
                \(isContinued ? "/bin/sh -c '" : "")\(prefix) \(words.joined(separator: " ")) \(options) -- \(command)\(background)
                echo status $?\(isContinued ? "'; stty echo -echonl; echo again; fg" : "")
                \(afterwards)
                stty -g

                """
            )
            let shell = isContinued || whenStopped != nil ? "/bin/bash -m" : "/bin/sh"
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

    @Test(
        "hands signals on to the command as well, once it has the password",
        arguments: ["HUP", "INT", "QUIT", "TERM"]
    )
    func signalsAfterwards(_ name: String) async throws {
        let ended = Keys(
            condition: "grep -q running \(typescript) && kill -\(name) $(pgrep -x impersonate)",
            text: ""
        )
        // A status of its own: a signal that ends the tool itself has another one.
        let job = "/bin/sh -c 'trap \"exit 42\" \(name); sleep 100000 & echo running; wait; exit 99'"
        let output = try await run("", job, typing: [.silently("\(Self.right)\\n"), ended])
        #expect(output.contains("status 42\r\n"), "\(output)")
    }

    @Test("hands its size on as well, once it has the password")
    func sizeAfterwards() async throws {
        let resized = Keys(condition: "grep -q running \(typescript) && stty rows 20 cols 40 <&3", text: "")
        let look = #"read -r -t 0.05 line; [ "$(stty size)" = "20 40" ] && exit 5"#
        let job = "/bin/bash -c 'echo running; for i in $(seq 2000); do \(look); done; exit 9'"
        let output = try await run("--tty", job, typing: [.silently("\(Self.right)\\n"), resized])
        #expect(output.contains("status 5\r\n"), "\(output)")
    }

    @Test(
        "is ended in the background as well, where it is stopped before it asks",
        arguments: [(2, "INT"), (10, "USR1"), (15, "TERM")]
    )
    func background(_ signal: Int, _ name: String) async throws {
        let output = try await run(
            "",
            "id",
            typing: [Keys(condition: ":", text: "")],
            whenStopped: "kill -\(name) $!; kill -CONT $!"
        )
        #expect(output.contains("status \(128 + signal)\r\n"), "\(output)")
        #expect(!output.contains("Password of"))
    }

    @Test("is ended, and puts the terminal back, also while nobody reads what it asks")
    func unread() async throws {
        let pipe = scratch.file("full")
        #expect(unsafe mkfifo(pipe, 0o600) == 0)
        let fill = "exec 4<>\(pipe); dd if=/dev/zero of=\(pipe) bs=4096 oflag=nonblock conv=notrunc 2>/dev/null"
        let ended = Keys.silently("").condition + " && kill -TERM $(pgrep -x impersonate)"
        let output = try await run(
            "",
            "id",
            typing: [Keys(condition: ended, text: "")],
            by: "\(fill); /bin/sh -c 'exec \"$0\" \"$@\" 2>\(pipe)'"
        )
        #expect(output.contains("status 143\r\n"), "\(output)")
    }

    // unshare(1) itself survives no other key that ends a program, and the shell would go on before the tool is done.
    @Test("is ended also as process 1 of a pid namespace, which the kernel spares")
    func firstProcess() async throws {
        let first = "unshare --pid --fork --mount-proc"
        let output = try await run("", "id", typing: [.silently("half\\003")], by: first)
        #expect(output.contains("status 130\r\n"), "\(output)")
        #expect(!output.contains("half"))
    }

    @Test(
        "shows nothing when others have stopped it, also where it is to ignore that it is continued",
        arguments: ["", "CONT"]
    )
    func stoppedByOthers(_ ignored: String) async throws {
        let prefix = ignored.isEmpty ? "" : "env --ignore-signal=\(ignored)"
        let group = "$(cut -d \" \" -f 5 /proc/$(pgrep -x impersonate)/stat)"
        let stopped = Keys(condition: Keys.silently("").condition + " && kill -STOP -- -\(group)", text: "")
        let again = Keys(
            condition: "grep -q again \(typescript) && [ $(grep -c 'Password of' \(typescript)) = 2 ] && "
                + Keys.silently("").condition,
            text: "\(Self.right)\\n"
        )
        let output = try await run("", "id -un", typing: [stopped, again], by: prefix, isContinued: true)
        #expect(output.contains("\r\nalice\r\nstatus 0\r\n"), "\(output)")
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
