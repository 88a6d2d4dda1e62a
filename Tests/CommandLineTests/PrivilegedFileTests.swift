import Foundation
import Testing

@testable import impersonate

@Suite("impersonate with privileges from its own file")
struct PrivilegedFileTests {
    /// How a file gives privileges to whoever runs it.
    static let ways = ["chmod 4755", "chmod 2755", "/usr/sbin/setcap cap_setuid,cap_setgid=ep"]

    /// One of each command, with files of the caller's choice.
    static let commands = [
        ["run", "--report", "{victim}", "--config", "{config}", "--", "id"],
        ["run", "--report", "{absent}", "--config", "{config}", "--", " /tmp/evil.so "],
        ["explain", "--config", "{config}", "--login", "alice"],
        ["config", "check", "{secret}"], ["config", "show", "--config", "{secret}"],
        ["doctor", "--config", "{secret}"], ["--help"], [],
    ]

    @Test("does nothing for anybody, whatever the command is", .inTestBed, arguments: ways, commands)
    func refuses(_ way: String, _ command: [String]) async throws {
        let scratch = try Scratch()
        try scratch.makeDirectory("private", owner: 0)
        try scratch.write("private/victim", "untouched")
        try scratch.write("private/secret", "the_canary = 1\n")
        let settings = try scratch.configure(["proxy_account = render_user"])
        let places = [
            "{victim}": scratch.file("private/victim"), "{absent}": scratch.file("private/absent"),
            "{secret}": scratch.file("private/secret"), "{config}": settings[1],
        ]
        let copy = scratch.file("impersonate")
        // Made by another process: a child of this one could still hold it open for writing, and then nobody can run it.
        let grant = Process()
        grant.executableURL = URL(filePath: "/bin/sh")
        grant.arguments = ["-c", "cp $0 $1 && \(way) $1", Tool.path, copy]
        try grant.run()
        grant.waitUntilExit()
        try #require(grant.terminationStatus == 0)

        let tool = Tool(prefix: ["/usr/bin/setpriv", "--reuid", "999", "--regid", "999", "--init-groups", "--", copy])
        let outcome = try await tool.run(command.map { places[$0] ?? $0 }, omittingTool: true)
        #expect(outcome.status == 125)
        #expect(outcome.output == "")
        #expect(outcome.messages.hasPrefix("impersonate: not started: privilegedFile: "))
        #expect(outcome.messages.contains("chmod ug-s, setcap -r"))
        #expect(!outcome.messages.contains("canary"))
        #expect(try scratch.read("private/victim") == "untouched")
        let left = try FileManager.default.contentsOfDirectory(atPath: scratch.file("private"))
        #expect(left.sorted() == ["secret", "victim"])
        #expect(!scratch.has("audit.jsonl"))
    }

    @Test(
        "is told apart from a tool that its starter gave them",
        arguments: [
            ((1_000, 1_000, 1_000, 1_000, false), true), ((1_000, 1_000, 1_000, 1_000, true), false),
            ((1_000, 0, 1_000, 1_000, true), false), ((1_000, 0, 1_000, 1_000, false), false),
            ((1_000, 1_000, 1_000, 42, true), false), ((0, 0, 0, 42, true), false), ((0, 999, 0, 0, true), false),
            ((0, 0, 0, 0, false), true), ((0, 0, 0, 0, true), true),
        ]
    )
    func tellsApart(
        _ process: (user: Int, effectiveUser: Int, group: Int, effectiveGroup: Int, isSecure: Bool),
        goesOn: Bool
    ) {
        let privileges = PrivilegesOfFile(
            userID: UInt32(process.user),
            effectiveUserID: UInt32(process.effectiveUser),
            groupID: UInt32(process.group),
            effectiveGroupID: UInt32(process.effectiveGroup),
            isSecure: process.isSecure
        )
        #expect(((try? privileges.refuse()) != nil) == goesOn)
    }
}
