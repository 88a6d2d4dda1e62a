import Impersonation
public import SystemPackage

/// The table of a spool: who submitted what, as whom it ran, who it says that it was, and why.
public struct JobTable: Sendable {
    private static let titles = [
        "job", "submitted by", "ran as", "says uid", "says groups", "log owner", "status", "why",
    ]

    /// Groups named in a row before the others are only counted.
    private static let namedGroups = 3

    private let rows: [[String]]
    private let width: Int

    /// Makes a table.
    ///
    /// - Parameters:
    ///   - reports: The jobs.
    ///   - names: The names of accounts; a user id without one is shown as a number.
    ///   - width: How many columns the terminal has.
    public init(_ reports: [JobReport], names: [UserID: String], width: Int = 160) {
        func name(_ id: UInt32?) -> String {
            guard let id else { return "-" }
            return names[UserID(rawValue: id)] ?? String(id)
        }
        rows = reports.map { report in
            let result = report.result
            return [
                (result.name ?? result.file).printable(limit: 24),
                name(result.owner),
                result.account ?? "-",
                report.identity.map { String($0.user.number) } ?? "-",
                report.identity.map { Self.text(of: $0.groups) } ?? "-",
                name(report.logOwner?.rawValue),
                Self.mark(report.verdict) + Self.status(of: report),
                "\(result.reason): \(result.message)".printable(limit: 400),
            ]
            .map { $0.printable(limit: 400) }
        }
        self.width = width
    }

    /// The lines of the table; the last column goes over as many as it takes.
    public var lines: [String] {
        let widths = Self.titles.indices.dropLast()
            .map { column in
                ([Self.titles] + rows).map { $0[column].count }.max() ?? 0
            }
        let rest = max(40, width - widths.reduce(0, +) - 2 * widths.count)
        func line(_ cells: [String]) -> String {
            var line = ""
            for (cell, width) in zip(cells, widths) {
                line += cell + String(repeating: " ", count: width - cell.count + 2)
            }
            return line + (cells.last ?? "")
        }
        var lines = [line(Self.titles), line((widths + [rest]).map { String(repeating: "-", count: $0) })]
        let empty = [String](repeating: "", count: widths.count)
        for row in rows {
            for (index, part) in Self.wrapped(row[widths.count], to: rest).enumerated() {
                lines.append(line((index == 0 ? Array(row.dropLast()) : empty) + [part]))
            }
        }
        return lines
    }

    private static func text(of groups: [IdentityOutput.Name]) -> String {
        let named = groups.prefix(namedGroups).map(\.name).joined(separator: ",")
        return groups.count > namedGroups ? "\(named) +\(groups.count - namedGroups)" : named
    }

    private static func mark(_ verdict: JobVerdict) -> String {
        switch verdict {
        case .agreement: ""
        case .unverified: "unverified "
        case .contradiction: "CONTRADICTION "
        }
    }

    private static func status(of report: JobReport) -> String {
        if let code = report.result.exited { return "exited \(code)" }
        if let signal = report.result.signaled { return "signal \(signal)" }
        return report.result.outcome == "badlogin" ? "badlogin" : report.folder.rawValue
    }

    private static func wrapped(_ text: String, to width: Int) -> [String] {
        var lines = [""]
        for word in text.split(separator: " ") {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if line.count + word.count < width {
                lines[lines.count - 1] = "\(line) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
