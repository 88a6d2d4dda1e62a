import Impersonation
import SystemPackage
import Testing

@testable import RenderWorker

@Suite("What a job file says")
struct JobDescriptionTests {
    @Test func `a command is all it takes`() throws {
        let job = try JobDescription(Array(#"{"spool": "/s", "command": ["/usr/bin/id", "-u"]}"#.utf8))
        #expect(job.command == ["/usr/bin/id", "-u"])
        #expect(job.executable == .path("/usr/bin/id"))
        #expect(job.login == nil)
        #expect(job.account == nil)
        #expect(job.environment.isEmpty)
        #expect(job.nice == 0)
    }

    @Test func `every member is read`() throws {
        let text = #"""
            {"spool": "/var/spool/render", "login": "alice", "account": "MYCORP\\bob", "command": ["id"],
             "name": "frame 1", "environment": {"FRAME": "1"}, "nice": 5, "working_directory": "/var/tmp"}
            """#
        let job = try JobDescription(Array(text.utf8))
        #expect(job.spool == "/var/spool/render")
        #expect(job.login == "alice")
        #expect(job.account == #"MYCORP\bob"#)
        #expect(job.executable == .name("id"))
        #expect(job.name == "frame 1")
        #expect(job.environment == ["FRAME": "1"])
        #expect(job.nice == 5)
        #expect(job.workingDirectory == "/var/tmp")
    }

    @Test(
        "is refused, and why",
        arguments: [
            ("", "not JSON"),
            (#"{"spool": "/s", "command": ["id"]"#, "not JSON"),
            ("[]", "no JSON object"),
            ("42", "no JSON object"),
            (#"{"spool": "/s"}"#, "\"command\" is missing"),
            (#"{"command": ["id"]}"#, "\"spool\" is missing"),
            (#"{"spool": "spool", "command": ["id"]}"#, "\"spool\" is no full path"),
            (#"{"spool": "/s\u0000", "command": ["id"]}"#, "zero byte"),
            (#"{"spool": "/s", "command": []}"#, "\"command\" is empty"),
            (#"{"spool": "/s", "command": [""]}"#, "\"command\" is empty"),
            (#"{"spool": "/s", "command": "id"}"#, "\"command\" is not of the type"),
            (#"{"spool": "/s", "command": ["id", 1]}"#, "is not of the type"),
            (#"{"spool": "/s", "command": ["id"], "acount": "bob"}"#, "\"acount\" is no member"),
            (#"{"spool": "/s", "command": ["id"], "\#u{1B}[2J": 1}"#, "no"),
            (#"{"spool": "/s", "command": ["id"], "account": ""}"#, "\"account\""),
            (#"{"spool": "/s", "command": ["id"], "account": "-u root"}"#, "\"account\""),
            (#"{"spool": "/s", "command": ["id"], "account": "0"}"#, "\"account\""),
            (#"{"spool": "/s", "command": ["id"], "account": "bob\u0000root"}"#, "\"account\""),
            (#"{"spool": "/s", "command": ["id"], "login": "a\nb"}"#, "\"login\""),
            (#"{"spool": "/s", "command": ["id", "\u0000"]}"#, "zero byte"),
            (#"{"spool": "/s", "command": ["id"], "environment": {"A=B": "1"}}"#, "name of a variable"),
            (#"{"spool": "/s", "command": ["id"], "environment": {"": "1"}}"#, "name of a variable"),
            (#"{"spool": "/s", "command": ["id"], "nice": -1}"#, "\"nice\" is -1"),
            (#"{"spool": "/s", "command": ["id"], "nice": 20}"#, "\"nice\" is 20"),
            (#"{"spool": "/s", "command": ["id"], "working_directory": "tmp"}"#, "relative"),
        ]
    )
    func refusal(text: String, reason: String) {
        let error = #expect(throws: JobDescriptionError.self) { try JobDescription(Array(text.utf8)) }
        #expect(error?.message.contains(reason) == true, "\(String(describing: error))")
        #expect(error?.message.utf8.allSatisfy { $0 >= 0x20 } == true)
    }

    @Test func `text that is not UTF-8 is refused`() {
        let bytes = Array(#"{"spool": "/s", "command": ["id", ""#.utf8) + [0xC3, 0x28] + Array(#""]}"#.utf8)
        #expect(throws: JobDescriptionError(message: "the file is not UTF-8")) { try JobDescription(bytes) }
    }

    @Test func `brackets without end are refused and not followed down`() {
        let bytes = [UInt8](repeating: UInt8(ascii: "["), count: JobDescription.maximumSize)
        #expect(throws: JobDescriptionError.self) { try JobDescription(bytes) }
    }

    @Test func `one byte more than the limit is refused`() {
        let bytes = [UInt8](repeating: UInt8(ascii: " "), count: JobDescription.maximumSize + 1)
        let error = #expect(throws: JobDescriptionError.self) { try JobDescription(bytes) }
        #expect(error?.message.contains("larger than 65536 bytes") == true)
    }

    @Test func `names are read as the site spells them`() throws {
        let bytes = Array(#"{"spool": "/s", "command": ["id"], "account": "MYCORP+bob"}"#.utf8)
        #expect(throws: JobDescriptionError.self) { try JobDescription(bytes) }
        #expect(throws: Never.self) { try JobDescription(bytes, syntax: AccountNameSyntax(separator: "+")) }
    }
}
