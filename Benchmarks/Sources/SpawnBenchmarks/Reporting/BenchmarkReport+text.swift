extension BenchmarkReport {
    /// The report for a terminal.
    var text: String {
        ([header] + tables.map(Self.text)).joined(separator: "\n") + "\n" + verdicts
    }

    private var header: String {
        let daemons = residentBytes.sorted { $0.value < $1.value }
            .map { "\($0.key) = \($0.value >> 20) MiB resident" }
            .joined(separator: ", ")
        let idle =
            roundsNotIdle == 0
            ? "every round began on an idle machine"
            : "\(roundsNotIdle) of \(rounds) rounds began on a BUSY machine: trust ratios, not times"
        return """
            kernel   \(machine.kernel) \(machine.architecture)
            machine  \(machine.processor), \(machine.cores) cores, \(machine.memoryBytes >> 30) GiB
            jobs     run as \(account); exit-zero is \(smallestProgram)
            daemons  \(daemons)
            rounds   \(rounds) in \(Decimal.text(seconds, 0)) s; \(idle)

            Times in microseconds. "reaped": from the call to the exit status. "returned": from the call until it is back with the
            job executed. "x floor": median of the rounds' ratios to the C floor, with the deciles of those ratios in brackets.
            "x small": the same row in the small daemon is 1.

            """
    }

    private static func text(_ table: TableReport) -> String {
        let comparesDaemons = table.rows.contains { $0.reaped?.toSmallDaemon != nil }
        var lines = TextTable(
            header: [
                "row", "reaped min", "median", "p99", "x floor [p10-p90]", "returned min", "median", "x floor",
                "launches",
            ] + (comparesDaemons ? ["x small"] : [])
        )
        for row in table.rows {
            lines.add(cells(row) + (comparesDaemons ? [row.reaped?.toSmallDaemon.map(ratio) ?? "-"] : []))
        }
        let notes = table.rows.compactMap { row in row.note.map { "\(row.row): \($0)\n" } }
        return "## \(table.daemon) daemon, \(table.program)\n\n\(lines.text)" + notes.joined()
    }

    private static func cells(_ row: RowReport) -> [String] {
        let remark = row.hung ? " (HUNG)" : row.note != nil ? " (ENDED)" : row.switchesIdentity ? "" : " (no switch)"
        var cells = ["\(row.row)\(remark)"]
        if let reaped = row.reaped {
            cells += [reaped.minimum, reaped.median, reaped.percentile99].map { Decimal.text($0, 1) }
            cells.append("\(ratio(reaped.toReference)) [\(spread(reaped.toReference))]")
        } else {
            cells += ["-", "-", "-", "-"]
        }
        if let returned = row.returned {
            cells += [returned.minimum, returned.median].map { Decimal.text($0, 1) }
            cells.append(ratio(returned.toReference))
        } else {
            cells += ["-", "-", "-"]
        }
        return cells + [String(row.calls)]
    }

    private static func ratio(_ ratio: PairedRatio) -> String {
        Decimal.text(ratio.median, 2)
    }

    private static func spread(_ ratio: PairedRatio) -> String {
        "\(Decimal.text(ratio.lowerDecile, 2))-\(Decimal.text(ratio.upperDecile, 2))"
    }

    private var verdicts: String {
        claims.map { "\($0.holds ? "holds " : "FAILS ") \($0.text)\n" }.joined()
    }
}
