/// What the processors have done since the start of the machine, in hundredths of a second.
struct ProcessorTime: Hashable, Sendable {
    /// Everything, `steal` included: what the host takes away is not idle.
    let total: Int

    /// The time spent with nothing to do, or only with waiting for a disk.
    let idle: Int

    /// Reads the first line of `/proc/stat`; see `proc_stat(5)`.
    ///
    /// - Parameter statistics: The text of the file.
    /// - Throws: ``BenchmarkError`` when the text is something else.
    init(statistics: String) throws {
        let line = statistics.prefix { $0 != "\n" }.split(separator: " ")
        let numbers = line.dropFirst().compactMap { Int($0) }
        guard line.first == "cpu", numbers.count >= 8 else {
            throw BenchmarkError("/proc/stat does not begin with the times of all processors")
        }
        total = numbers[..<8].reduce(0, +)
        idle = numbers[3] + numbers[4]
    }

    /// The times of this moment.
    static func now() throws -> ProcessorTime {
        guard let text = ProcessFile.text("/proc/stat") else { throw BenchmarkError("/proc/stat cannot be read") }
        return try ProcessorTime(statistics: text)
    }

    /// The share of the time since an earlier reading in which processors did something, from 0 to 1.
    func busyShare(since earlier: ProcessorTime) -> Double {
        let passed = total - earlier.total
        guard passed > 0 else { return 0 }
        return 1 - Double(idle - earlier.idle) / Double(passed)
    }
}
