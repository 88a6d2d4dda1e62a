import Dispatch
import Glibc
import SystemPackage

/// A program of the system that answers at once.
enum ShortProgram {
    private static let limit = 64 * 1_024

    /// Runs it to its end, with this process's own rights, on a thread that may block.
    ///
    /// - Parameters:
    ///   - words: Its path and its arguments.
    ///   - input: What it can read, less than a pipe holds.
    /// - Returns: Its status as `waitpid(2)` has it and what it wrote; `nil` when it could not be started.
    static func run(_ words: [String], input: String = "") async -> (status: Int32, output: String)? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: runToEnd(words, input)) }
        }
    }

    private static func runToEnd(_ words: [String], _ input: String) -> (status: Int32, output: String)? {
        guard input.utf8.count < limit, let given = try? FileDescriptor.pipe(), let output = try? FileDescriptor.pipe()
        else { return nil }
        // It fits into the pipe, so nobody has to read at the same time.
        _ = try? given.writeEnd.writeAll(input.utf8)
        try? given.writeEnd.close()
        defer {
            try? given.readEnd.close()
            try? output.readEnd.close()
        }
        let process = spawn(words, given.readEnd.rawValue, output.writeEnd.rawValue)
        try? output.writeEnd.close()
        guard let process else { return nil }
        let said = read(output.readEnd)
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        return (status, said)
    }

    private static func read(_ descriptor: FileDescriptor) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                (try? unsafe descriptor.read(into: bytes)) ?? 0
            }
            guard count > 0 else { break }
            if bytes.count < limit { bytes += buffer[..<count] }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func spawn(_ words: [String], _ input: Int32, _ output: Int32) -> pid_t? {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("LC_ALL=C"), nil]
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
            unsafe free(environment[0])
        }
        var process: pid_t = 0
        let result = unsafe posix_spawn(&process, words[0], &actions, nil, &arguments, &environment)
        return result == 0 ? process : nil
    }
}
