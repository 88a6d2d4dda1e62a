import Foundation
import Testing

@Suite("impersonate --backend current", .inTestBed)
struct CurrentBackendTests {
    private static let why =
        "the backend current starts only jobs that keep the worker's account (service_mode = desktop)"

    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    @Test(
        "starts nothing outside of desktop mode: `run` refuses it as a mistake of the command line, `doctor` fails it"
    )
    func service() async throws {
        let configuration = try scratch.configure(["proxy_execution_mode = user"]) + ["--backend", "current"]
        let outcome = try await Tool().run(["run"] + configuration + ["--login", "alice", "--", "true"])
        #expect(outcome.status == 64)
        #expect(outcome.messages.contains("\(Self.why); set that in the configuration, or use the backend setuid"))
        #expect(!scratch.has("audit.jsonl"))
        let doctor = try await Tool.asAccount(2_001).run(["doctor"] + configuration)
        #expect(doctor.status == 1)
        #expect(doctor.lines.contains { $0.hasPrefix("failed") && $0.contains(Self.why) })
    }

    @Test("of the configuration is an error with its line, for `config check`, `doctor` and `run`")
    func configured() async throws {
        let configuration = try scratch.configure(["proxy_execution_mode = user", "launch_backend = current"])
        for (arguments, status) in [
            (["config", "check"] + configuration, 1), (["doctor"] + configuration, 1),
            (["run"] + configuration + ["--login", "alice", "--", "true"], 125),
        ] as [([String], Int32)] {
            let outcome = try await Tool().run(arguments)
            #expect(outcome.status == status)
            let said = outcome.output + outcome.messages
            #expect(said.contains("\(scratch.file("worker.conf")):2: "), "\(said)")
            #expect(said.contains(Self.why))
        }
    }

    @Test("is not needed for jobs of the caller's own account: setuid starts them without any privilege")
    func own() async throws {
        try scratch.makeDirectory("alice", owner: 2_001)
        let text = "proxy_execution_mode = user\naudit_log = \(scratch.file("alice/audit.jsonl"))\n"
        let configuration = ["--config", try scratch.write("worker.conf", text)]
        let outcome = try await Tool.asAccount(2_001).run(["run"] + configuration + ["--", "id", "-un"])
        #expect(outcome.status == 0, "\(outcome.messages)")
        #expect(outcome.output == "alice\n")
    }
}
