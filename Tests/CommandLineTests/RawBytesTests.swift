import Foundation
import Testing

@testable import impersonate

@Suite("impersonate and bytes that are no text", .inTestBed)
struct RawBytesTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    /// The tool as a shell starts it that puts bytes, written as `printf(1)` takes them, into `$raw`.
    ///
    /// The arguments of the run come first, then those of the script.
    private func tool(_ bytes: String, _ rest: String) -> Tool {
        Tool(prefix: ["/bin/sh", "-c", "raw=$(printf '\(bytes)'); exec \"$0\" \"$@\" \(rest)"])
    }

    @Test(
        "an argument that is not UTF-8 is refused, wherever it stands",
        arguments: [
            (["run", "--login", "alice", "--"], "touch \"$raw\""), (["run", "--login", "alice", "--"], "\"$raw\""),
            (["run", "--login", "alice"], "--report \"$raw\" -- id"), (["run"], "--login=\"$raw\" -- id"),
            (["explain"], "--login \"$raw\""), (["config", "check"], "\"$raw\""), (["doctor", "--config"], "\"$raw\""),
            ([], "\"$raw\""),
        ]
    )
    func refusesArguments(_ arguments: [String], _ rest: String) async throws {
        let place = scratch.file("file")
        let outcome = try await tool("\(place)\\377", rest).run(arguments)
        #expect(outcome.status == 64)
        #expect(outcome.output == "")
        #expect(outcome.messages.hasPrefix("Error: argument "))
        #expect(outcome.messages.contains(" is not UTF-8: "))
        #expect(outcome.messages.contains("\(place)\\xFF"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
    }

    @Test(
        "what is UTF-8 and what is not is what the standard says",
        arguments: [
            ("\\303\\251", true), ("\\360\\237\\230\\200", true), ("\\303", false), ("\\300\\257", false),
            ("\\355\\240\\200", false), ("\\364\\220\\200\\200", false), ("a\\200b", false),
        ]
    )
    func tellsApart(_ bytes: String, isText: Bool) async throws {
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        let outcome = try await tool(bytes, "\"$raw\"")
            .run(["run"] + configuration + ["--login", "alice", "--", "printf", "%s"])
        #expect(outcome.status == (isText ? 0 : 64))
        #expect(outcome.output.isEmpty != isText)
    }

    @Test("a value that is not UTF-8 is refused when it is to be handed on, and only then")
    func refusesValues() async throws {
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        let tool = Tool(
            prefix: ["/bin/sh", "-c", "COLOUR=$(printf 'bl\\377ue'); export COLOUR; exec \"$0\" \"$@\""]
        )
        let command = ["--login", "alice", "--", "touch", scratch.file("ran")]
        let refused = try await tool.run(["run"] + configuration + ["--export", "COLOUR"] + command)
        #expect(refused.status == 64)
        #expect(refused.messages.hasPrefix("Error: the value of COLOUR is not UTF-8"))
        #expect(!scratch.has("ran"))
        #expect(!scratch.has("audit.jsonl"))

        let left = try await tool.run(["run"] + configuration + ["--login", "alice", "--", "true"])
        #expect(left.status == 0)
    }
}
