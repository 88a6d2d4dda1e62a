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

    @Test
    func `Each of them is there`() throws {
        let all = try Self.sources()
        let places = Self.places(in: all)
        let table = try String(contentsOf: Self.root.appending(path: "SECURITY-CASES.md"), encoding: .utf8)
        let rows = table.split(separator: "\n").filter { $0.hasPrefix("|") && !$0.hasPrefix("|---") }.dropFirst()
        var count = 0
        for row in rows {
            var named: [String]?
            for word in Self.words(of: row) {
                switch word {
                case .name(let name) where name.contains("Tests"):
                    let sources = Self.sources(of: name, in: all, places)
                    #expect(!sources.isEmpty, "\(name) is no suite: \(row.prefix(120))")
                    named = sources
                    count += 1
                // A command, or the way that a test is run for.
                case .name: break
                case .title(let title):
                    let isThere = named.map { $0.contains { $0.contains(title) } } ?? false
                    #expect(isThere, "no test is called \(title): \(row.prefix(120))")
                    count += 1
                }
            }
        }
        #expect(count > rows.count)
    }
}
