import CLaunchProtocol
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
    ///   - input: What it can read.
    /// - Returns: Its status as `waitpid(2)` has it and what it wrote; `nil` when it could not be started.
    static func run(_ words: [String], input: String = "") async -> (status: Int32, output: String)? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: runToEnd(words, input)) }
        }
    }

    private static func runToEnd(_ words: [String], _ input: String) -> (status: Int32, output: String)? {
        guard let given = memory(input) else { return nil }
        defer { try? given.close() }
        guard let output = try? FileDescriptor.pipe() else { return nil }
        defer { try? output.readEnd.close() }
        let process = spawn(words, given.rawValue, output.writeEnd.rawValue)
        try? output.writeEnd.close()
        guard let process else { return nil }
        let said = read(output.readEnd)
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        return (status, said)
    }

    // How much a pipe holds is the system's to say, and nobody reads while this is written.
    private static func memory(_ text: String) -> FileDescriptor? {
        let bytes = Array(text.utf8)
        let made = unsafe bytes.withUnsafeBytes { unsafe frame_memory_create($0.baseAddress, $0.count, 0) }
        guard made >= 0 else { return nil }
        let descriptor = FileDescriptor(rawValue: made)
        guard (try? descriptor.seek(offset: 0, from: FileDescriptor.SeekOrigin.start)) == 0 else {
            try? descriptor.close()
            return nil
        }
        return descriptor
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
