import Foundation
import Testing

/// The article about the tool, compared with the tool.
@Suite("The article about the tool")
struct ToolDocumentTests {
    private let text: String

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let article = root.appending(path: "Sources/Impersonation/Documentation.docc/Tool.md")
        text = try String(contentsOf: article, encoding: .utf8)
    }

    /// What stands first in each row of the table of a section, without what follows a blank.
    private func rows(_ section: String) throws -> [String] {
        let sections = text.components(separatedBy: "\n## ")
        let body = try #require(sections.first { $0.hasPrefix("\(section)\n") }, "no section \(section)")
        return body.split(separator: "\n").filter { $0.hasPrefix("| `") }
            .map { $0.dropFirst(3).prefix { $0 != "`" && $0 != " " }.description }
    }

    private static let names = ["run", "explain", "config check", "config show", "doctor", "sudoers"]

    @Test("has a section for each command that there is")
    func commands() async throws {
        let sections = text.components(separatedBy: "\n## ").filter { $0.hasPrefix("`impersonate ") }
            .map { $0.dropFirst("`impersonate ".count).prefix { $0 != "`" }.description }
        #expect(sections == Self.names)
        for (words, count) in [([], 5), (["config"], 2)] as [([String], Int)] {
            let help = try await Tool().run(words + ["--help"])
            let listed = help.lines.drop { $0 != "SUBCOMMANDS:" }.dropFirst()
                .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  See ") }
                .map { $0.split(separator: " ")[0] }
            #expect(listed.count == count)
            for name in listed where name != "config" {
                #expect(Self.names.contains((words + [String(name)]).joined(separator: " ")), "\(name)")
            }
        }
    }

    @Test("has every option of a command, and no other", arguments: names)
    func options(_ command: String) async throws {
        let help = try await Tool().run(command.split(separator: " ").map(String.init) + ["--help"])
        #expect(help.status == 0)
        let options = help.lines.filter { $0.hasPrefix("  --") }
            .map { $0.dropFirst(2).prefix { $0 != " " }.description }
        #expect(!options.isEmpty)
        #expect(try rows("`impersonate \(command)`") == options)
    }

    @Test("has every exit status that the tool makes")
    func statuses() throws {
        let sections = text.components(separatedBy: "\n## ")
        let body = try #require(sections.first { $0.hasPrefix("Exit statuses\n") })
        for status in ["124", "125", "64", "1", "0", "128 and a number"] { #expect(body.contains("\n| \(status) |")) }
    }

    @Test("has every member of a report, and no other", .inTestBed)
    func members() async throws {
        let scratch = try Scratch()
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        var found: Set<String> = []
        // The last one takes more memory than the tool has had: otherwise the kernel does not tell what is whose. What made the
        // tool counts for it as well where it is spawned without a fork, so a shell makes it, and not this process.
        let tool = Tool(prefix: ["/bin/sh", "-c", "\"$0\" \"$@\"; exit $?"])
        for command in ["true", "kill -9 $$", "perl -e '$x = \"x\" x 300000000'"] {
            let arguments = ["--login", "alice", "--report", scratch.file("report"), "--", "sh", "-c", command]
            _ = try await tool.run(["run"] + configuration + arguments)
            Self.collect(try JSONSerialization.jsonObject(with: Data(scratch.read("report").utf8)), "", &found)
        }
        let members = try rows("The report of `run` and `explain`")
        #expect(Set(members) == found)
        #expect(Set(members).count == members.count)
    }

    private static func collect(_ value: Any, _ name: String, _ found: inout Set<String>) {
        if !name.isEmpty { found.insert(name) }
        if let members = value as? [String: Any] {
            for (member, value) in members { collect(value, name.isEmpty ? member : "\(name).\(member)", &found) }
        } else if let elements = value as? [Any] {
            for element in elements { collect(element, name, &found) }
        }
    }
}
