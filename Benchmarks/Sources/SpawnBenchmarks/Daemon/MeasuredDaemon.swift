import Glibc
import SystemPackage

/// The daemon whose launches are measured: holds memory and runs rows when it is asked to.
struct MeasuredDaemon {
    /// How long one request may take; the slowest launch takes a few tens of milliseconds.
    static let patience: Duration = .seconds(5)

    private let rows: [any BenchmarkRow]
    private let account: JobAccount
    private var channel: LineChannel

    /// Grows to a size and answers that it is there.
    ///
    /// - Parameters:
    ///   - mebibytes: The size.
    ///   - account: The account that jobs run as.
    ///   - rows: What it measures.
    /// - Throws: ``BenchmarkError`` when the kernel does not give the memory.
    init(mebibytes: Int, account: JobAccount, rows: [any BenchmarkRow]) throws {
        self.account = account
        self.rows = rows
        channel = try Self.takeOverStandardStreams()
        try ResidentHeap.grow(to: mebibytes << 20)
        try channel.send(DaemonReply.ready(residentBytes: ProcessFile.residentBytes))
    }

    /// Answers requests until the measuring process has no more.
    mutating func serve() async throws {
        while let request = try channel.receive(DaemonRequest.self) {
            switch request {
            case .prepare(let index):
                let row = rows[index]
                let proof = JobProgram.proof(of: account)
                let outcome = await Watchdog.run(limit: Self.patience) {
                    try await row.prepare()
                    if row.profile.switchesIdentity { _ = try await row.measure(proof, calls: 1) }
                }
                try reply(to: outcome) { .prepared }
            case .measure(let index, let program):
                let row = rows[index]
                let discarded = row.profile.discardedCalls
                let outcome = await Watchdog.run(limit: Self.patience) {
                    try await row.measure(program, calls: discarded + row.profile.callsPerRound)
                }
                try reply(to: outcome) { .timings(Array($0.dropFirst(discarded))) }
            }
        }
        Subprogram.killChildren()
    }

    private func reply<Value>(
        to outcome: Watchdog.Outcome<Value>,
        _ success: (Value) -> DaemonReply
    ) throws {
        switch outcome {
        case .ended(.success(let value)):
            try channel.send(success(value))
        case .ended(.failure(let error)):
            try channel.send(DaemonReply.failed("\(error)"))
        case .hung:
            Subprogram.killChildren()
            try channel.send(DaemonReply.hung(seconds: Int(Self.patience.components.seconds)))
        }
    }

    /// Moves the channel out of the way and puts `/dev/null` in its place, so that no job can write into it.
    private static func takeOverStandardStreams() throws -> LineChannel {
        let reading = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100)
        let writing = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 100)
        guard reading >= 0, writing >= 0 else {
            throw BenchmarkError("the standard streams could not be moved (errno \(errno))")
        }
        let null = try FileDescriptor.open(FilePath("/dev/null"), .readWrite)
        _ = try null.duplicate(as: .standardInput)
        _ = try null.duplicate(as: .standardOutput)
        try null.close()
        return LineChannel(
            reading: FileDescriptor(rawValue: reading),
            writing: FileDescriptor(rawValue: writing)
        )
    }
}
