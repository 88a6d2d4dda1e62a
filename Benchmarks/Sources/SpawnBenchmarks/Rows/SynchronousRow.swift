/// A row whose calls block: it has a thread of its own.
protocol SynchronousRow: BenchmarkRow {
    /// Starts the program so many times on the calling thread, one after the other.
    func spawn(_ program: JobProgram, calls: Int) throws -> [SpawnTiming]
}

extension SynchronousRow {
    func measure(_ program: JobProgram, calls: Int) async throws -> [SpawnTiming] {
        try await PlainThread.run { try spawn(program, calls: calls) }
    }

    /// Refuses to count a launch whose program did not exit with 0.
    func requireSuccess(_ status: Int32, of program: JobProgram) throws {
        guard status == 0 else {
            throw BenchmarkError("\(profile.name): \(program.path) ended with status \(status) instead of 0")
        }
    }
}
