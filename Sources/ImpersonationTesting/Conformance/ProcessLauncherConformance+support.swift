import FoundationEssentials
import Impersonation
import SystemPackage

/// A job that has ended, with what it wrote.
struct FinishedJob {
    let process: LaunchedProcess
    let exit: ExitReport

    var bytes: [UInt8] { exit.standardOutput?.bytes ?? [] }
    var text: String { exit.standardOutput?.text ?? "" }
    var complaint: String { exit.standardError?.text ?? "" }

    /// What it wrote, cut at zero bytes, each of which ends a piece.
    var pieces: [String] {
        bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast()
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// What it wrote, line by line.
    var lines: [String] { text.split(separator: "\n", omittingEmptySubsequences: true).map { String($0) } }
}

extension LauncherUnderTest {
    static let shell: FilePath = "/bin/sh"

    /// A shell script as a job.
    static func script(_ text: String, _ arguments: String...) -> Command {
        Command(.path(shell), arguments: ["-c", text, "sh"] + arguments)
    }

    /// Starts a job, with a deadline that says nothing but that it hangs.
    func launch(_ command: Command, as identity: ExecutionIdentity? = nil) async throws(LaunchError) -> LaunchedProcess
    {
        var command = command
        if command.startDeadline == Command(command.executable).startDeadline { command.startDeadline = patience }
        return try await launcher.launch(command, as: identity ?? self.identity)
    }

    /// Runs a job to its end, with its output captured.
    func finish(_ command: Command, as identity: ExecutionIdentity? = nil) async throws -> FinishedJob {
        var command = command
        if command.standardOutput == .null { command.standardOutput = .captured(limit: 4 << 20) }
        if command.standardError == .null { command.standardError = .captured(limit: 1 << 16) }
        let process = try await launch(command, as: identity)
        return FinishedJob(process: process, exit: try await process.exitReport())
    }

    /// Runs a job that must exit with zero.
    func run(_ command: Command, as identity: ExecutionIdentity? = nil) async throws -> FinishedJob {
        let job = try await finish(command, as: identity)
        guard job.exit.status == .exited(0) else {
            throw Violation(message: "\(command.executable.spelling) ended with \(job.exit.status): \(job.complaint)")
        }
        return job
    }

    /// What the kernel says of a job: `/proc/self/status`, by the words before the colons.
    func status(_ change: (inout Command) -> Void = { _ in }) async throws -> [String: String] {
        var command = Command(.path("/bin/cat"), arguments: ["/proc/self/status"])
        change(&command)
        var status: [String: String] = [:]
        for line in try await run(command).lines {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].split(whereSeparator: \.isWhitespace).joined(separator: " ")
            status[String(line[..<colon])] = value
        }
        return status
    }

    /// The fields of `/proc/self/stat` behind the name of the program: the first one is the state.
    func statistics(_ change: (inout Command) -> Void = { _ in }) async throws -> (LaunchedProcess, [String]) {
        var command = Command(.path("/bin/cat"), arguments: ["/proc/self/stat"])
        change(&command)
        let job = try await run(command)
        guard let end = job.text.lastIndex(of: ")") else {
            throw Violation(message: "/proc/self/stat of the job is \"\(job.text)\"")
        }
        let fields = job.text[job.text.index(after: end)...].split(whereSeparator: \.isWhitespace).map { String($0) }
        guard fields.count > 20 else { throw Violation(message: "/proc/self/stat of the job is \"\(job.text)\"") }
        return (job.process, fields)
    }

    /// Launches what must be refused, in a certain way.
    ///
    /// - Parameters:
    ///   - command: What is launched.
    ///   - identity: Whom it is launched as.
    ///   - what: What is wrong with it, for the message.
    ///   - code: The code of the refusal.
    ///   - step: The step of the refusal, where that is promised.
    /// - Returns: The refusal.
    /// - Throws: ``Violation`` when it is launched, or refused in another way.
    @discardableResult
    func mustRefuse(
        _ command: Command,
        as identity: ExecutionIdentity? = nil,
        _ what: String,
        because code: LaunchError.Code,
        at step: LaunchStep? = nil
    ) async throws -> LaunchError {
        let process: LaunchedProcess
        do throws(LaunchError) {
            process = try await launch(command, as: identity)
        } catch {
            try require("the code of the refusal of \(what) (\(error))", error.code, is: code)
            if let step { try require("the step of the refusal of \(what)", error.step, is: step) }
            let account = self.identity.account.name
            try require("the account of the refusal of \(what)", error.account, is: account)
            return error
        }
        let exit = try await process.terminate(gracePeriod: .zero)
        throw Violation(message: "\(what) was launched and ended with \(exit.status), expected \(code)")
    }

    /// Gives a path that nothing is at, and removes what the account has made there.
    func withScratch(_ body: (FilePath) async throws -> Void) async throws {
        let path = scratchDirectory.appending("conformance-\(UUID().uuidString)")
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(path))
        } catch {
            outcome = .failure(error)
        }
        if exists(path) { _ = try? await finish(Self.script(#"rm -r -- "$1""#, path.string)) }
        try outcome.get()
    }

    /// Whether something is at a path, as far as this process can see.
    func exists(_ path: FilePath) -> Bool {
        do {
            try FileDescriptor.open(path, .readOnly, options: [.nonBlocking, .closeOnExec]).close()
            return true
        } catch {
            return error as? Errno != .noSuchFileOrDirectory
        }
    }
}
