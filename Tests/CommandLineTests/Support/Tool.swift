import Foundation
import Synchronization
import SystemPackage

/// The built `impersonate`, run as a process.
struct Tool {
    /// What came of a run.
    struct Outcome {
        var status: Int32
        var output: String
        var messages: String

        /// Standard output, line by line.
        var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    /// The binary that the bed offers to every account, or the one that was built.
    static var path: String {
        let environment = ProcessInfo.processInfo.environment
        let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
            .removingLastComponent()
        let places = [
            environment["IMPERSONATE_BINARY"],
            environment["IMPERSONATION_TEST_BED_DIR"].map { "\($0)/bin/impersonate" },
            root.appending(".build/debug/impersonate").string,
        ]
        return places.compactMap { $0 }.first { FileManager.default.isExecutableFile(atPath: $0) } ?? "impersonate"
    }

    /// What stands before the tool: another program that runs it in a certain way.
    var prefix: [String] = []

    /// The environment of the tool.
    var environment: [String: String] = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]

    /// The tool as an ordinary account runs it.
    static func asAccount(_ id: Int) -> Tool {
        Tool(prefix: ["/usr/bin/setpriv", "--reuid", "\(id)", "--regid", "\(id)", "--init-groups"])
    }

    /// Runs the tool to its end.
    ///
    /// - Parameters:
    ///   - arguments: The arguments.
    ///   - input: What it can read.
    ///   - omittingTool: Whether the prefix itself ends with the tool.
    ///   - running: Called with its process id once it was started.
    /// - Returns: Its exit status and what it wrote.
    /// - Throws: What keeps the tool from being run, what `running` throws, and `CancellationError`; the tool has ended then.
    func run(
        _ arguments: [String],
        input: String = "",
        omittingTool: Bool = false,
        whileRunning running: @Sendable (Int32) async throws -> Void = { _ in }
    ) async throws -> Outcome {
        let scratch = try Scratch()
        let process = Process()
        let whole = prefix + (omittingTool ? [] : [Self.path]) + arguments
        process.executableURL = URL(filePath: whole[0])
        process.arguments = Array(whole.dropFirst())
        process.environment = environment
        let streams = (
            input: try FileHandle(forReadingFrom: URL(filePath: scratch.write("input", input))),
            output: try FileHandle(forWritingTo: URL(filePath: scratch.write("output", ""))),
            messages: try FileHandle(forWritingTo: URL(filePath: scratch.write("messages", "")))
        )
        // A process that has ended keeps them.
        defer { for stream in [streams.input, streams.output, streams.messages] { try? stream.close() } }
        process.standardInput = streams.input
        process.standardOutput = streams.output
        process.standardError = streams.messages
        let (ends, continuation) = AsyncStream.makeStream(of: Void.self)
        process.terminationHandler = { _ in continuation.finish() }
        try process.run()
        do {
            try await running(process.processIdentifier)
            // A test whose time is up waits for no stream, and Foundation ends whoever asks for the status of a process that runs.
            for await _ in ends {}
            try Task.checkCancellation()
        } catch {
            kill(process.processIdentifier, SIGKILL)
            await Task { while process.isRunning { try? await Task.sleep(for: .milliseconds(10)) } }.value
            throw error
        }
        let status = process.terminationStatus
        return Outcome(
            status: process.terminationReason == .exit ? status : -status,
            output: try scratch.read("output"),
            messages: try scratch.read("messages")
        )
    }
}
