import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("What depends on the way a job is started", .testBed)
struct BackendDifferenceTests {
    private static let article: FilePath = {
        var place = FilePath(#filePath)
        for _ in 0..<4 { place.removeLastComponent() }
        return place.appending("Sources/Impersonation/Documentation.docc/Backends.md")
    }()

    @Test(
        "is what the table in the documentation says, beside sudo, runuser and su for the same account",
        .enabled(if: TestBed.hasMachineRoot, "root of a namespace cannot take back that a process is nice")
    )
    func table() async throws {
        var columns: [DifferenceColumn: [Difference: String]] = [:]
        for column in DifferenceColumn.allCases { columns[column] = try await measure(column) }
        var lines = [
            "| | " + DifferenceColumn.allCases.map(\.rawValue).joined(separator: " | ") + " |",
            "|---" + String(repeating: "|---", count: DifferenceColumn.allCases.count) + "|",
        ]
        var same: [String] = []
        for row in Difference.allCases {
            let cells = DifferenceColumn.allCases.map { columns[$0]?[row] ?? "?" }
            guard Set(cells).count > 1 else {
                same.append("\(row.rawValue) (\(cells[0]))")
                continue
            }
            lines.append("| \(row.rawValue) | " + cells.joined(separator: " | ") + " |")
        }
        let text = String(decoding: try Data(contentsOf: URL(filePath: Self.article.string)), as: UTF8.self)
        let documented = text.split(separator: "\n").map { String($0) }.drop { !$0.contains("| `sudo -u` |") }
            .prefix { $0.hasPrefix("|") }
        let table = lines.joined(separator: "\n")
        let sentence = "The same everywhere: \(same.joined(separator: ", "))."
        let hasSentence = text.contains(sentence)
        #expect(hasSentence, "what is not there: \(sentence)")
        #expect(Array(documented) == lines, "the table as it was measured:\n\(table)")
    }

    private func measure(_ column: DifferenceColumn) async throws -> [Difference: String] {
        let helper =
            column.needsHelper
            ? try RunningHelper(policy: column == .pam ? ["pam-services = \(LaunchWay.service)"] : []) : nil
        defer { helper?.stop() }
        let file = freshPath("column")
        try writeFile("", to: file)
        try #require(unsafe chmod(file.string, 0o666) == 0)
        defer { _ = unsafe unlink(file.string) }
        let name = column.rawValue
        let socket = helper?.socket.string ?? ""
        await #expect(processExitsWith: .success) {
            [name = name as String, socket = socket as String, file = file.string as String] in
            let output = try FileDescriptor.open(FilePath(file), .writeOnly, options: .closeOnExec)
            let column = try #require(DifferenceColumn(rawValue: name))
            do {
                let cells = try await DifferenceMeasurement(column: column, socket: FilePath(socket)).cells()
                let lines = cells.map { "\($0.rawValue)\t\($1)\n" }.joined()
                _ = try output.writeAll(lines.utf8)
            } catch {
                Issue.record("\(error)")
            }
        }
        var cells: [Difference: String] = [:]
        for line in try ProcFile.read(file).split(separator: "\n") {
            let parts = line.split(separator: "\t", maxSplits: 1).map { String($0) }
            cells[try #require(Difference(rawValue: parts[0]))] = parts[1]
        }
        return cells
    }
}
