/// One way to start a program; one line of the table.
protocol BenchmarkRow: Sendable {
    /// What is known of the row before it runs.
    var profile: RowProfile { get }

    /// Makes ready what a daemon would make ready once; not measured.
    func prepare() async throws

    /// Starts the program so many times, one after the other.
    ///
    /// - Parameters:
    ///   - program: What is started.
    ///   - calls: How many times.
    /// - Returns: One timing for each call.
    /// - Throws: When a launch fails or a program does not exit with 0.
    func measure(_ program: JobProgram, calls: Int) async throws -> [SpawnTiming]
}

extension BenchmarkRow {
    func prepare() async throws {}
}
