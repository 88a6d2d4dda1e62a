import Foundation
import Testing

@Suite("impersonate config: checking and showing a file")
struct ConfigTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    @Test("a clean file passes, named in any of the two ways")
    func passes() async throws {
        let file = try scratch.write("worker.conf", "proxy_execution_mode = user\n")
        for arguments in [[file], ["--config", file]] {
            let outcome = try await Tool().run(["config", "check"] + arguments)
            #expect(outcome.status == 0)
            #expect(outcome.output == "\(file): nothing is wrong\n")
        }
    }

    @Test(
        "a finding is one line that begins with path and line, and ends with 1",
        arguments: [
            ("\nproxy_execution_mode = usr\n", 2, "use one of"),
            ("proxy_acount = x\n", 1, "did you mean proxy_account"),
            ("proxy_account = MYCORP\\x\n", 1, "bare user name only"),
            ("minimum_uid = 0\n", 1, "smallest user id"),
            ("\n\nworker_clsuter = /a\n", 3, "did you mean worker_cluster"),
        ]
    )
    func finds(_ text: String, line: Int, finding: String) async throws {
        let file = try scratch.write("worker.conf", text)
        let outcome = try await Tool().run(["config", "check", file])
        #expect(outcome.status == 1)
        #expect(outcome.lines.contains { $0.hasPrefix("\(file):\(line): ") && $0.contains(finding) })
    }

    @Test(
        "with nothing but warnings the last line says so, and that the file can be used",
        arguments: [
            ("proxy_account = a\nproxy_account = b\n", 1, "can be used, with 1 warning"),
            ("proxy_account = a\nproxy_account = b\nproxy_nice_value = 20\n", 2, "can be used, with 2 warnings"),
        ]
    )
    func warns(_ text: String, count: Int, last: String) async throws {
        let file = try scratch.write("worker.conf", text)
        let outcome = try await Tool().run(["config", "check", file])
        #expect(outcome.status == 0)
        #expect(outcome.lines.count == count + 1)
        #expect(outcome.lines.last == "\(file) \(last)")
    }

    @Test("the report of a check has the same findings")
    func reportsFindings() async throws {
        let file = try scratch.write("worker.conf", "minimum_uid = 0\n")
        let outcome = try await Tool().run(["config", "check", "--json", file])
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        let diagnostics = try #require(object?["diagnostics"] as? [[String: Any]])
        #expect(outcome.status == 1)
        #expect(object?["passes"] as? Bool == false)
        #expect(diagnostics.map { $0["line"] as? Int } == [1])
    }

    @Test("every setting is shown with the place it was made, and no secret")
    func shows() async throws {
        let file = try scratch.write("worker.conf", "proxy_account = render_user\nproxy_password = canary\n")
        let outcome = try await Tool().run(["config", "show", "--config", file])
        #expect(outcome.status == 0)
        #expect(outcome.lines.contains { $0.hasPrefix("proxy_account = render_user") && $0.hasSuffix("# \(file):1") })
        #expect(outcome.lines.contains { $0.hasPrefix("minimum_uid = 1000") && $0.hasSuffix("# built-in") })
        #expect(!(outcome.output + outcome.messages).contains("canary"))

        let json = try await Tool().run(["config", "show", "--json", "--config", file])
        #expect(json.status == 0)
        #expect(json.lines.count == 1)
        #expect(!json.output.contains("canary"))
    }

    @Test("a file that is not there ends with 1", arguments: [["check"], ["show", "--config"]])
    func missing(_ arguments: [String]) async throws {
        let outcome = try await Tool().run(["config"] + arguments + [scratch.file("absent")])
        #expect(outcome.status == 1)
        #expect((outcome.output + outcome.messages).contains(scratch.file("absent")))
    }
}
