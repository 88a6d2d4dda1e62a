import Foundation
import Testing

@Suite("impersonate run by a daemon that is not root", .inTestBed)
struct CapabilityTests {
    private let scratch: Scratch
    private let arguments: [String]

    init() throws {
        scratch = try Scratch()
        try scratch.makeDirectory("audit", owner: 999)
        let settings = ["proxy_account = render_user", "audit_log = \(scratch.file("audit/audit.jsonl"))"]
        let file = try scratch.write("worker.conf", settings.joined(separator: "\n") + "\n")
        arguments = [
            "run", "--config", file, "--", "/bin/sh", "-c", "grep -E '^(Uid|Gid|Groups|Cap|NoNew)' /proc/self/status",
        ]
    }

    /// The service account of the bed, with these capabilities in its ambient set and no other.
    private func daemon(with capabilities: [String]) -> Tool {
        let list = (["-all"] + capabilities.map { "+\($0)" }).joined(separator: ",")
        return Tool(
            prefix: [
                "/usr/bin/setpriv", "--reuid", "999", "--regid", "999", "--init-groups",
                "--inh-caps", list, "--ambient-caps", list,
            ]
        )
    }

    private func expectTheAccount(_ outcome: Tool.Outcome) {
        #expect(outcome.status == 0, "\(outcome.messages)")
        let fields = Dictionary(
            uniqueKeysWithValues: outcome.lines.map { line in
                let parts = line.split(separator: ":", maxSplits: 1)
                return (String(parts[0]), parts[1].split { $0 == "\t" || $0 == " " }.map(String.init))
            }
        )
        #expect(fields["Uid"] == Array(repeating: "2101", count: 4))
        #expect(fields["Gid"] == Array(repeating: "2101", count: 4))
        #expect(fields["Groups"]?.count == 24)
        for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            #expect(fields[name] == ["0000000000000000"], "\(name)")
        }
        #expect(fields["NoNewPrivs"] == ["1"])
    }

    @Test("needs CAP_SETUID and CAP_SETGID and no other; the job has none of them")
    func ambientCapabilities() async throws {
        expectTheAccount(try await daemon(with: ["setuid", "setgid"]).run(arguments))
    }

    @Test("may empty the bounding set when it has CAP_SETPCAP, too")
    func boundingSet() async throws {
        let outcome = try await daemon(with: ["setuid", "setgid", "setpcap"]).run(arguments)
        expectTheAccount(outcome)
        #expect(outcome.lines.contains("CapBnd:\t0000000000000000"))
    }

    @Test("needs CAP_CHOWN, too, to give a job a terminal", arguments: [true, false])
    func terminal(_ hasRight: Bool) async throws {
        var tool = daemon(with: ["setuid", "setgid"] + (hasRight ? ["chown"] : []))
        let command =
            ([Tool.path] + arguments.prefix(3) + ["--tty", "--", "/usr/bin/stat", "-Lc", "%U", "/proc/self/fd/0"])
            .joined(separator: " ")
        tool.prefix += ["/usr/bin/script", "-qec", command, "/dev/null"]
        let outcome = try await tool.run([], omittingTool: true)
        #expect(outcome.output.contains(hasRight ? "render_user" : "CAP_CHOWN"), "\(outcome.output)")
        #expect(outcome.status == (hasRight ? 0 : 125))
    }

    @Test(
        "is told which capability it lacks, and runs nothing",
        arguments: [
            ([], "CAP_SETGID", "groups"), (["setuid"], "CAP_SETGID", "groups"), (["setgid"], "CAP_SETUID", "userID"),
        ]
    )
    func missingCapability(_ held: [String], _ missing: String, _ step: String) async throws {
        let outcome = try await daemon(with: held).run(arguments)
        #expect(outcome.status == 125)
        #expect(outcome.output == "")
        #expect(outcome.messages.contains(missing))
        #expect(outcome.messages.contains("step    \(step)"))
    }
}
