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

    /// Starts SSSD with nothing to remember, whether its directory is there or not.
    static func renewSSSD() async throws { try await perform("renew", "sssd") }

    /// Runs a command on the server of the directory.
    ///
    /// - Parameter command: The command.
    /// - Returns: What it says.
    /// - Throws: ``Failure`` when it fails.
    @discardableResult
    static func onDirectory(_ command: String...) async throws -> String {
        try await run([tool, "on", "directory"] + command)
    }

    /// Runs the tool to decide as whom a login runs, in user mode.
    ///
    /// - Returns: What it says; a decision that nothing runs is one too.
    static func explain(login: String) async throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "worker-\(UUID().uuidString).conf")
        try Data("proxy_execution_mode = user\n".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try await run(
            ["/bed/bin/impersonate", "explain", "--config", file.path, "--login", login],
            mayEndWith: [125]
        )
    }

    /// Runs the tool to see what is wrong with this machine.
    ///
    /// - Returns: What it says.
    static func doctor() async throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "worker-\(UUID().uuidString).conf")
        try Data("proxy_execution_mode = user\n".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try await run(["/bed/bin/impersonate", "doctor", "--config", file.path], mayEndWith: [1, 125])
    }

    /// Has the system helper check a policy that permits an account and its group, which is that of the socket as well.
    ///
    /// - Parameters:
    ///   - user: The account, as the policy has it.
    ///   - group: The group.
    ///   - status: How the helper ends.
    /// - Returns: What it says.
    /// - Throws: ``Failure`` when it ends otherwise.
    @discardableResult
    static func checkPolicy(_ user: String, _ group: String, endsWith status: Int32) async throws -> String {
        let file = URL(filePath: "/run/policy-\(UUID().uuidString).conf")
        let text = "peers = 0\naccounts = \"\(user)\" \"@\(group)\"\n".replacing(#"\"#, with: #"\\"#)
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let command = ["/bed/bin/impersonation-helper", "--policy", file.path, "--check-policy"]
        return try await run(command, endsWith: [status])
    }

    /// Asks the name service as an ordinary account may, whatever comes of it.
    static func ask(for name: String, asUserID userID: Int) async throws {
        let ask = [
            "/usr/bin/setpriv", "--reuid=\(userID)", "--regid=\(userID)", "--clear-groups", "getent", "passwd", name,
        ]
        // 2 says that there is no such account.
        try await run(ask, mayEndWith: [2])
    }

    /// Runs `sudo` as an account that is no directory's, whatever comes of it.
    ///
    /// - Returns: What it says, the errors too.
    static func sudo(_ arguments: String..., asUserID userID: UInt32) async throws -> String {
        let become = ["/usr/bin/setpriv", "--reuid=\(userID)", "--regid=\(userID)", "--clear-groups", sudo]
        return try await run(become + arguments, mayEndWith: [1])
    }

    /// The `sudo` that works here.
    static var sudo: String {
        ProcessInfo.processInfo.environment["IMPERSONATION_TEST_BED_SUDO"] ?? "/usr/bin/sudo"
    }

    private static var tool: String { ProcessInfo.processInfo.environment["IMPERSONATION_DIRECTORY_CONTROL"] ?? "" }

    private static func perform(_ verb: String, _ service: String) async throws {
        try await run([tool, verb, service])
    }

    @discardableResult
    private static func run(_ command: [String], mayEndWith statuses: Set<Int32> = []) async throws -> String {
        try await run(command, endsWith: statuses.union([0]))
    }

    private static func run(_ command: [String], endsWith statuses: Set<Int32>) async throws -> String {
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
        let text = try String(decoding: Data(contentsOf: messages), as: UTF8.self)
        guard process.terminationReason == .exit, statuses.contains(process.terminationStatus) else {
            throw Failure(command: command, status: process.terminationStatus, messages: text)
        }
        return text
    }
}
