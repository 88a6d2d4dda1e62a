/// Everything that one run found; its JSON form is what `--json` writes.
struct BenchmarkReport: Codable, Sendable {
    let machine: MachineDescription
    let account: String

    /// What `exit-zero` was.
    let smallestProgram: String

    /// The resident memory of each daemon in bytes.
    let residentBytes: [String: Int]

    let rounds: Int

    /// The rounds that began on a busy machine.
    let roundsNotIdle: Int

    /// How long measuring took, in seconds.
    let seconds: Double

    let tables: [TableReport]

    /// What `--assert` checks.
    let claims: [Claim]

    /// Sums a measurement up.
    init(_ measurement: Measurement, account: String, smallestProgram: String, seconds: Double) throws {
        machine = try MachineDescription()
        self.account = account
        self.smallestProgram = smallestProgram
        residentBytes = Dictionary(uniqueKeysWithValues: measurement.daemons.map { ($0.name, $0.residentBytes) })
        rounds = measurement.rounds
        roundsNotIdle = measurement.gate.gaveUp
        self.seconds = seconds
        tables = measurement.programs.flatMap { program in
            measurement.daemons.indices.map { Self.table(measurement, daemon: $0, program: program) }
        }
        claims = Claim.all(of: measurement)
    }

    private static func table(_ measurement: Measurement, daemon: Int, program: JobProgram) -> TableReport {
        let rows = measurement.rows.enumerated()
            .compactMap { index, profile -> RowReport? in
                func series(_ daemon: Int, _ row: Int) -> Series? {
                    measurement.series[SeriesKey(daemon: daemon, program: program, row: row)]
                }
                guard let own = series(daemon, index), let reference = series(daemon, 0) else { return nil }
                let small = daemon == 0 ? nil : series(0, index)
                return RowReport(
                    row: profile.name,
                    switchesIdentity: profile.switchesIdentity,
                    calls: own.microseconds(\.reaped).count,
                    returned: profile.confirmsStart
                        ? TimeSummary(own, reference: reference, small: small, \.returned) : nil,
                    reaped: TimeSummary(own, reference: reference, small: small, \.reaped),
                    hung: own.isHung,
                    note: own.note
                )
            }
        return TableReport(daemon: measurement.daemons[daemon].name, program: program.name, rows: rows)
    }
}
