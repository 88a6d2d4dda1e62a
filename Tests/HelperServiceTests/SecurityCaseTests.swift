import FoundationEssentials
import Testing

@Suite("The tests that the security cases name")
struct SecurityCaseTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every source of a test, by its path.
    private static func sources() throws -> [String: String] {
        var sources: [String: String] = [:]
        for folder in ["Tests", "Examples/RenderWorker/Tests"] {
            for path in try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path())
            where path.hasSuffix(".swift") {
                sources["\(folder)/\(path)"] = try String(
                    contentsOf: root.appending(path: "\(folder)/\(path)"),
                    encoding: .utf8
                )
            }
        }
        return sources
    }

    /// Something in the last column of the table: a suite or a folder of them, or a part of the title of one of its tests.
    private enum Word {
        case name(String)
        case title(String)
    }

    private static func words(of row: Substring) -> [Word] {
        let cells = row.replacing("\\|", with: "").split(separator: "|")
        guard let tests = cells.last else { return [] }
        return tests.matches(of: /`([^`]+)`|"([^"]+)"/)
            .compactMap { match in match.output.1.map { .name(String($0)) } ?? match.output.2.map { .title(String($0)) }
            }
    }

    /// Where each type is declared or extended, by its name.
    private static func places(in all: [String: String]) -> [Substring: Set<String>] {
        var places: [Substring: Set<String>] = [:]
        for (path, text) in all {
            for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
                let words = line.prefix(80).split(separator: UInt8(ascii: " "), maxSplits: 4)
                for (keyword, name) in zip(words, words.dropFirst())
                where ["struct", "extension", "class", "enum"].contains(Substring(keyword)) {
                    places[Substring(name.prefix { $0 != UInt8(ascii: ":") }), default: []].insert(path)
                }
            }
        }
        return places
    }

    /// The sources that a name stands for: of a folder, or of a suite; claims have a file of their own.
    private static func sources(
        of name: String,
        in all: [String: String],
        _ places: [Substring: Set<String>]
    ) -> [String] {
        let folder = all.keys.filter { $0.hasPrefix("Tests/\(name)/") }
        guard folder.isEmpty else { return folder.compactMap { all[$0] } }
        let last = name.split(separator: "/").last ?? ""
        let claims = last == "LaunchContractTests" ? all.keys.filter { $0.hasSuffix("/LaunchClaim.swift") } : []
        return (Array(places[last] ?? []) + claims).compactMap { all[$0] }
    }

    /// What a source calls its suites, its tests and their claims, and not what its comments say.
    private static func titles(in text: String) -> [Substring] {
        var titles: [Substring] = []
        var isTitleNext = false
        for bytes in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let line = Substring(bytes).drop { $0 == " " }
            if line.hasPrefix("@Test(") || line.hasPrefix("@Suite(") {
                isTitleNext = line.hasSuffix("(")
                titles += [literal(in: line)].compactMap(\.self)
            } else if isTitleNext {
                isTitleNext = false
                if line.hasPrefix("\"") { titles += [literal(in: line)].compactMap(\.self) }
            } else if line.hasPrefix("case "), line.contains(" = \"") {
                titles += [literal(in: line)].compactMap(\.self)
            } else if let name = line.firstRange(of: "func `") {
                titles.append(line[name.upperBound...].prefix { $0 != "`" })
            }
        }
        return titles
    }

    /// The first string in a line.
    private static func literal(in line: Substring) -> Substring? {
        guard let begin = line.firstIndex(of: "\"") else { return nil }
        let rest = line[line.index(after: begin)...]
        var isEscaped = false
        let end = rest.firstIndex { character in
            defer { isEscaped = character == "\\" && !isEscaped }
            return character == "\"" && !isEscaped
        }
        return rest[..<(end ?? rest.endIndex)]
    }

    /// What is run for a row and is no suite: a rule of the Makefile, a script, a target of the fuzzers.
    private struct Commands {
        let rules: Set<Substring>
        let targets: Set<Substring>

        init() throws {
            func lines(_ path: String) throws -> [Substring] {
                try String(contentsOf: root.appending(path: path), encoding: .utf8).split(separator: "\n")
            }
            rules = Set(
                try lines("Makefile")
                    .compactMap { line in
                        line.hasPrefix("\t") ? nil : line.firstIndex(of: ":").map { line[..<$0] }
                    }
            )
            let cases = try lines("Fuzz/Sources/fuzz/FuzzTarget.swift").filter { $0.hasPrefix("    case ") }
            targets = Set(cases.map { $0.dropFirst(9) })
        }

        /// Whether there is such a one; `nil` for what is none of them.
        func has(_ name: String) -> Bool? {
            if name.hasPrefix("make ") { return rules.contains(name.dropFirst(5)) }
            if name.hasPrefix("Fuzz/") { return targets.contains(name.dropFirst(5)) }
            guard name.hasPrefix("Scripts/") else { return nil }
            return FileManager.default.isExecutableFile(atPath: root.appending(path: name).path())
        }
    }

    /// Ways and modules that a test is run for, beside the name of the test.
    private static let others: Set<String> = ["current", "pam", "pam_group", "setuid", "sudo"]

    private static func table() throws -> String {
        try String(contentsOf: root.appending(path: "SECURITY-CASES.md"), encoding: .utf8)
    }

    @Test
    func `Each of them is there`() throws {
        let all = try Self.sources()
        let places = Self.places(in: all)
        let commands = try Commands()
        let rows = try Self.table().split(separator: "\n").filter { $0.hasPrefix("|") && !$0.hasPrefix("|---") }
            .dropFirst()
        var count = 0
        for row in rows {
            var named: [Substring]?
            for word in Self.words(of: row) {
                switch word {
                case .name(let name) where name.contains("Tests"):
                    let sources = Self.sources(of: name, in: all, places)
                    #expect(!sources.isEmpty, "\(name) is no suite: \(row.prefix(120))")
                    named = sources.flatMap(Self.titles)
                    count += 1
                case .name(let name):
                    let isThere = commands.has(name) ?? Self.others.contains(name)
                    #expect(isThere, "there is no \(name): \(row.prefix(120))")
                case .title(let title):
                    let isThere = named.map { $0.contains { $0.contains(title) } } ?? false
                    #expect(isThere, "no test is called \(title): \(row.prefix(120))")
                    count += 1
                }
            }
        }
        #expect(count > rows.count)
    }

    @Test
    func `There are as many fuzz targets as it says`() throws {
        #expect(try Self.table().contains("a fuzz target, \(Commands().targets.count) in all,"))
    }

    @Test
    func `Every pitfall of the list is there by its number, with a title and a test`() throws {
        let table = try Self.table()
        let section = table[try #require(table.firstRange(of: "\n## The pitfalls")).upperBound...]
        let rows = section.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst()
        #expect(rows.compactMap { Int($0.dropFirst(2).prefix { $0 != " " }) } == Array(1...56))
        for row in rows {
            let cells = row.split(separator: "|")
            try #require(cells.count == 3, "\(row)")
            #expect(cells[1].count > 10, "\(row)")
            #expect(cells[2].contains("Tests"), "\(row)")
        }
    }
}
