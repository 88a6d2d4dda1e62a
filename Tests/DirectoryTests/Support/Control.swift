import Foundation

/// Interferes with the directory that this machine is a member of: `Scripts/directories.d/control`.
enum Control {
    /// What failed, and what it said.
    struct Failure: Error, CustomStringConvertible {
        let command: [String]
        let status: Int32
        let messages: String

        var description: String { "\(command.joined(separator: " ")): status \(status): \(messages)" }
    }

    /// Runs a body while a service is away, and waits until it is back whatever came of the body.
    ///
    /// - Parameters:
    ///   - service: `winbind`, `sssd` or `directory`.
    ///   - isFrozen: Whether it takes what it is sent and does not answer, or refuses it at once.
    ///   - body: What happens meanwhile.
    /// - Throws: What the body throws, and ``Failure`` when the service could not be stopped or started.
    static func without(_ service: String, isFrozen: Bool, _ body: () async throws -> Void) async throws {
        try await perform(isFrozen ? "freeze" : "stop", service)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        try await perform(isFrozen ? "thaw" : "start", service)
        // A member that has found its directory away does not ask it for a while.
        if service == "directory" { try await forget() }
        try result.get()
    }

    /// Makes this machine forget what it has learnt from the directory.
    static func forget() async throws {
        guard let machine = Machine.current else { return }
        try await perform("reset", machine.service)
    }

    /// Runs a command on the server of the directory.
    static func onDirectory(_ command: String...) async throws {
        try await run([tool, "on", "directory"] + command)
    }

    /// Asks the name service as an ordinary account may, whatever comes of it.
    static func ask(for name: String, asUserID userID: Int) async throws {
        let ask = ["/usr/bin/setpriv", "--reuid=\(userID)", "--regid=\(userID)", "--clear-groups", "getent", "passwd", name]
        do {
            try await run(ask)
        } catch let failure as Failure where failure.status == 2 {
            // There is no such account.
        }
    }

    private static var tool: String { ProcessInfo.processInfo.environment["IMPERSONATION_DIRECTORY_CONTROL"] ?? "" }

    private static func perform(_ verb: String, _ service: String) async throws {
        try await run([tool, verb, service])
    }

    private static func run(_ command: [String]) async throws {
        let messages = FileManager.default.temporaryDirectory.appending(path: "control-\(UUID().uuidString)")
        try Data().write(to: messages)
        defer { try? FileManager.default.removeItem(at: messages) }
        let process = Process()
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        process.standardInput = FileHandle.nullDevice
        let output = try FileHandle(forWritingTo: messages)
        process.standardOutput = output
        process.standardError = output
        let (ends, continuation) = AsyncStream.makeStream(of: Void.self)
        process.terminationHandler = { _ in continuation.finish() }
        try process.run()
        for await _ in ends {}
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            let text = try String(decoding: Data(contentsOf: messages), as: UTF8.self)
            throw Failure(command: command, status: process.terminationStatus, messages: text)
        }
    }
}
