import Foundation
import Testing

@Suite("impersonate: options that would have no effect", .inTestBed)
struct IdleOptionTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    /// What is written, and what is said of it; the backend is the configuration's.
    private static let idle: [(backend: String, options: [String], said: String)] = [
        (
            "pam", ["--control-groups", "/g"],
            "--control-groups has no effect with the backends helper and pam; set control-groups in the helper's policy"
        ),
        ("helper", ["--control-groups", "/g"], "set control-groups in the helper's policy"),
        ("helper", ["--isolation", "direct"], "--isolation direct has no effect with the backend helper; "),
        ("pam", ["--isolation", "direct"], "--isolation direct has no effect with the backend pam; "),
        ("sudo", ["--isolation", "direct"], "--isolation direct has no effect with the backend sudo; "),
        (
            "setuid", ["--isolation", "direct", "--control-groups", "/g"],
            "--isolation direct has no effect with --control-groups, "
        ),
        (
            "setuid", ["--helper-socket", "/s"],
            "--helper-socket has no effect with the backend setuid; leave it out, or use the backend helper or pam"
        ),
        ("sudo", ["--helper-user", "991"], "--helper-user has no effect with the backend sudo; "),
        (
            "setuid", ["--sudo", "/usr/bin/sudo"],
            "--sudo has no effect with the backend setuid; leave it out, or use the backend sudo"
        ),
        ("helper", ["--sudo-launcher", "/l"], "--sudo-launcher has no effect with the backend helper; "),
        ("pam", ["--sudo-profile", "account"], "--sudo-profile has no effect with the backend pam; "),
        ("setuid", ["--sudo-names-group"], "--sudo-names-group has no effect with the backend setuid; "),
    ]

    @Test(
        "are refused by `run` as a mistake of the command line, whoever chose the backend, and nothing is done",
        arguments: idle
    )
    func run(backend: String, options: [String], said: String) async throws {
        let report = ["--report", scratch.file("report")]
        for (settings, named) in [(["launch_backend = \(backend)"], []), ([], ["--backend", backend])] {
            let configuration = try scratch.configure(["proxy_account = render_user"] + settings)
            let arguments = ["run"] + configuration + ["--login", "alice"] + named + options + report
            let outcome = try await Tool().run(arguments + ["--", "touch", scratch.file("ran")])
            #expect(outcome.status == 64)
            #expect(outcome.output == "")
            #expect(outcome.messages.hasPrefix("Error: "))
            #expect(outcome.messages.contains(said), "\(outcome.messages)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["worker.conf"])
    }

    @Test(
        "are refused by `doctor` as well",
        arguments: [
            ("setuid", ["--helper-socket", "/s"], "--helper-socket has no effect with the backend setuid"),
            ("sudo", ["--helper-user", "991"], "--helper-user has no effect with the backend sudo"),
            ("pam", ["--sudo-profile", "su"], "--sudo-profile has no effect with the backend pam"),
        ]
    )
    func doctor(backend: String, options: [String], said: String) async throws {
        let configuration = try scratch.configure(["proxy_account = render_user", "launch_backend = \(backend)"])
        let outcome = try await Tool().run(["doctor"] + configuration + options)
        #expect(outcome.status == 64)
        #expect(outcome.messages.contains(said), "\(outcome.messages)")
    }

    @Test("are the backends, where none switches: in desktop mode", arguments: ["setuid", "pam", "sudo", "helper"])
    func desktop(_ backend: String) async throws {
        try scratch.makeDirectory("alice", owner: 2_001)
        let text = "service_mode = desktop\naudit_log = \(scratch.file("alice/audit.jsonl"))\n"
        let configuration = ["--config", try scratch.write("worker.conf", text), "--backend", backend]
        for arguments in [["run"] + configuration + ["--", "true"], ["doctor"] + configuration] {
            let outcome = try await Tool.asAccount(2_001).run(arguments)
            #expect(outcome.status == 64)
            #expect(
                outcome.messages.contains("--backend \(backend) has no effect in desktop mode"),
                "\(outcome.messages)"
            )
        }
    }

    @Test("are none where they have one, and the usual isolation can be named with any backend")
    func heeded() async throws {
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        for options in [["--isolation", "isolated"], ["--isolation", "direct"]] {
            let outcome = try await Tool()
                .run(["run"] + configuration + ["--login", "alice"] + options + ["--", "true"])
            #expect(outcome.status == 0, "\(outcome.messages)")
        }
        let options = ["--backend", "helper", "--helper-socket", scratch.file("s"), "--isolation", "isolated"]
        let outcome = try await Tool().run(["run"] + configuration + ["--login", "alice"] + options + ["--", "true"])
        #expect(outcome.status == 125)
        #expect(outcome.messages.contains("no system helper listens at \(scratch.file("s"))"))
    }

    @Test("are not looked for in a configuration that cannot be used: that is told")
    func broken() async throws {
        let configuration = try scratch.configure(["minimum_uid = 0"])
        let options = ["--login", "alice", "--sudo-names-group", "--", "true"]
        let outcome = try await Tool().run(["run"] + configuration + options)
        #expect(outcome.status == 125)
        #expect(outcome.messages.contains("configurationInvalid"))
    }
}
