/// One run: every row in every daemon, interleaved.
struct Measurement {
    /// The rows, the reference first.
    let rows: [RowProfile]

    /// What the rows start.
    let programs: [JobProgram]

    /// The daemons, the small one first.
    private(set) var daemons: [DaemonConnection]

    /// What was measured.
    private(set) var series: [SeriesKey: Series] = [:]

    /// How often the machine was idle at the beginning of a round.
    private(set) var gate = IdleGate()

    /// How many rounds were run.
    private(set) var rounds = 0

    /// Prepares.
    ///
    /// - Parameters:
    ///   - rows: Every row that the daemons know, in their order.
    ///   - names: Those that are measured beside the reference; `nil` for all.
    ///   - programs: What they start.
    ///   - daemons: The daemons, the small one first.
    init(rows: [RowProfile], only names: Set<String>? = nil, programs: [JobProgram], daemons: [DaemonConnection]) {
        self.rows = rows
        self.programs = programs
        self.daemons = daemons
        for daemon in daemons.indices {
            for (index, row) in rows.enumerated() where index == 0 || names?.contains(row.name) ?? true {
                for program in programs where program == programs.first || row.runsRealProgram {
                    series[SeriesKey(daemon: daemon, program: program, row: index)] = Series()
                }
            }
        }
    }

    /// Whether a row has its turn at all.
    func isMeasured(_ row: Int) -> Bool { series.keys.contains { $0.row == row } }

    /// Gets every row ready in every daemon, and lets it prove that its jobs run as the account.
    mutating func prepare() throws {
        for daemon in daemons.indices {
            for (index, row) in rows.enumerated() where isMeasured(index) {
                let reply = try daemons[daemon].ask(.prepare(row: index))
                for program in programs {
                    try note(reply, SeriesKey(daemon: daemon, program: program, row: index), row, round: 0)
                }
            }
        }
    }

    /// Measures until there are enough rounds, or the time is up.
    ///
    /// - Parameters:
    ///   - enough: How many rounds are enough.
    ///   - deadline: When no further round begins, on ``MonotonicClock``.
    /// - Throws: ``BenchmarkError`` when a row fails that has to work.
    mutating func run(rounds enough: Int, until deadline: UInt64) throws {
        let keys = Array(series.keys)
        while rounds < enough, rounds == 0 || MonotonicClock.nanoseconds < deadline {
            try gate.pass()
            for key in keys.shuffled() where series[key]?.note == nil {
                let reply = try daemons[key.daemon].ask(.measure(row: key.row, program: key.program))
                try note(reply, key, rows[key.row], round: rounds)
            }
            rounds += 1
        }
    }

    /// Ends the daemons.
    func end() {
        for daemon in daemons { daemon.end() }
    }

    private mutating func note(_ reply: DaemonReply, _ key: SeriesKey, _ row: RowProfile, round: Int) throws {
        let note: String
        switch reply {
        case .ready, .prepared:
            return
        case .timings(let timings):
            series[key]?.add(timings, round: round)
            return
        case .failed(let reason):
            note = reason
        case .hung(let seconds):
            note = "hung: a launch had not come back after \(seconds) s"
            for other in series.keys where other.daemon == key.daemon && other.row == key.row {
                series[other]?.isHung = true
            }
        }
        guard !row.isRequired else {
            throw BenchmarkError("the row \(row.name) failed in the \(daemons[key.daemon].name) daemon: \(note)")
        }
        for other in series.keys where other.daemon == key.daemon && other.row == key.row {
            series[other]?.note = note
        }
    }
}
