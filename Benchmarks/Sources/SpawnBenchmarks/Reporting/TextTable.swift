/// A table in Markdown that is readable as it stands, its columns padded.
struct TextTable {
    private var lines: [[String]]

    /// Creates a table; the first column is aligned to the left, all others to the right.
    init(header: [String]) {
        lines = [header]
    }

    /// Adds a line with as many cells as the header has.
    mutating func add(_ cells: [String]) {
        lines.append(cells)
    }

    /// The table, a line break at its end.
    var text: String {
        let widths = lines[0].indices.map { column in max(3, lines.map { $0[column].count }.max() ?? 0) }
        var result = ""
        for (number, line) in lines.enumerated() {
            let cells = line.enumerated()
                .map { column, cell in
                    let padding = String(repeating: " ", count: widths[column] - cell.count)
                    return column == 0 ? cell + padding : padding + cell
                }
            result += "| \(cells.joined(separator: " | ")) |\n"
            guard number == 0 else { continue }
            let rules = widths.enumerated()
                .map { column, width in
                    column == 0 ? String(repeating: "-", count: width) : String(repeating: "-", count: width - 1) + ":"
                }
            result += "| \(rules.joined(separator: " | ")) |\n"
        }
        return result
    }
}
