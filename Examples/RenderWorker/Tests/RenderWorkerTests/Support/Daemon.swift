import Foundation
import SystemPackage

/// The built program, running; what it says comes line by line.
final class Daemon {
    private let process = Process()
    let spool: FilePath
    let logs: FilePath
    let audit: FilePath
    private let lines: AsyncStream<String>
    private(set) var seen: [String] = []

    /// Starts the program in user mode, in a scratch directory.
    init(in scratch: ScratchFolder, jobs: Int = 2, grace: Int = 30) throws {
        spool = scratch.path.appending("spool")
        logs = scratch.path.appending("logs")
        let configuration = scratch.path.appending("worker.conf")
        audit = scratch.path.appending("audit.jsonl")
        try scratch.write("proxy_execution_mode = user\naudit_log = \(audit)\n", to: configuration)
        let errors = Pipe()
        let continuation: AsyncStream<String>.Continuation
        (lines, continuation) = AsyncStream.makeStream()
        process.executableURL = Bundle(for: Daemon.self).bundleURL.appendingPathComponent("render-worker")
        process.arguments = [
            "--config", configuration.string, "--spool", spool.string, "--logs", logs.string, "--jobs", "\(jobs)",
            "--grace", "\(grace)",
        ]
        process.standardError = errors
        let reader = errors.fileHandleForReading
        Thread.detachNewThread {
            var rest = Data()
            while case let data = reader.availableData, !data.isEmpty {
                rest += data
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    continuation.yield(String(decoding: rest[rest.startIndex..<end], as: UTF8.self))
                    rest.removeSubrange(rest.startIndex...end)
                }
            }
            continuation.finish()
        }
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Waits until the program has said something, and returns the line.
    func line(containing text: String) async throws -> String {
        for await line in lines {
            seen.append(line)
            if line.contains(text) { return line }
        }
        throw NotSaid(text: text, seen: seen)
    }

    /// Sends a signal to the program.
    func send(_ signal: Int32) {
        kill(process.processIdentifier, signal)
    }

    /// Waits for the end.
    func end() async -> Int32 {
        for await line in lines { seen.append(line) }
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    struct NotSaid: Error {
        let text: String
        let seen: [String]
    }
}
