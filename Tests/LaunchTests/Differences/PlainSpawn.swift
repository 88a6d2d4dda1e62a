import Faults
import Glibc
import SystemPackage
import Testing

/// Starts a program as a daemon does that gives no thought to it: whatever it does not name is handed down.
enum PlainSpawn {
    struct Result {
        let status: Int32
        let output: [UInt8]
        let messages: String
    }

    /// Runs a program to its end, which blocks: the keyring is the calling thread's.
    static func run(_ words: [String]) throws -> Result {
        let output = try FileDescriptor.pipe()
        let messages = try FileDescriptor.pipe()
        let ends = [output.readEnd, output.writeEnd, messages.readEnd, messages.writeEnd]
        for end in ends { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output.writeEnd.rawValue, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, messages.writeEnd.rawValue, 2)
        // A thread of the concurrency runtime has more blocked than its daemon ever asked for.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        unsafe sigaddset(&mask, UnusualDaemon.blocked)
        unsafe posix_spawnattr_setsigmask(&attributes, &mask)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        let entries = UnusualDaemon.environment.map { "\($0)=\($1)" }
        var variables: [UnsafeMutablePointer<CChar>?] = unsafe entries.map { unsafe strdup($0) } + [nil]
        defer {
            _ = unsafe arguments.map { unsafe free($0) }
            _ = unsafe variables.map { unsafe free($0) }
        }
        _ = unsafe join_session_keyring(UnusualDaemon.keyring)
        var process: pid_t = 0
        let result = unsafe posix_spawn(&process, words[0], &actions, &attributes, &arguments, &variables)
        try output.writeEnd.close()
        try messages.writeEnd.close()
        guard result == 0 else { throw Errno(rawValue: result) }
        let bytes = try readAll(output.readEnd)
        let text = String(decoding: try readAll(messages.readEnd), as: UTF8.self)
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        return Result(status: status, output: bytes, messages: text)
    }

    private static func readAll(_ descriptor: FileDescriptor) throws -> [UInt8] {
        defer { try? descriptor.close() }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        while case let count = try unsafe block.withUnsafeMutableBytes({ try unsafe descriptor.read(into: $0) }),
            count > 0
        {
            bytes += block.prefix(count)
        }
        return bytes
    }
}
