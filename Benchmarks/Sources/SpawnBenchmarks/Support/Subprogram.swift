import Glibc

/// Starting other programs with `posix_spawn(3)`, without any change of identity.
enum Subprogram {
    /// Starts a program and comes back once it has been executed.
    ///
    /// - Parameters:
    ///   - path: The program.
    ///   - arguments: Its arguments, its own name included.
    ///   - environment: Its environment.
    /// - Returns: Its process id.
    /// - Throws: ``BenchmarkError`` when it was not executed.
    static func start(
        _ path: String,
        _ arguments: StringVector.Pointers,
        _ environment: StringVector.Pointers
    ) throws -> pid_t {
        var process: pid_t = 0
        let code = unsafe posix_spawn(&process, path, nil, nil, arguments, environment)
        guard code == 0 else { throw BenchmarkError("\(path) could not be started (errno \(code))") }
        return process
    }

    /// Waits for the end of a program that ``start(_:_:_:)`` started.
    ///
    /// - Returns: Its exit code, or 128 plus the number of the signal that ended it.
    static func wait(for process: pid_t) throws -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) != process {
            guard errno == EINTR else {
                throw BenchmarkError("process \(process) could not be waited for (errno \(errno))")
            }
        }
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    /// Finds a program where a shell of the superuser would, and on the `PATH` after that.
    static func find(_ name: String) -> String? {
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
        return (["/usr/sbin", "/usr/bin", "/sbin", "/bin"] + path.split(separator: ":").map(String.init))
            .map { "\($0)/\(name)" }
            .first { unsafe access($0, X_OK) == 0 }
    }

    /// Ends every process that has this one as its parent, and whatever such a process may be waiting for with it.
    static func killChildren() {
        guard let directory = unsafe opendir("/proc") else { return }
        defer { unsafe closedir(directory) }
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            guard let process = pid_t(name), let parent = ProcessFile.parent(of: process), parent == getpid() else {
                continue
            }
            kill(process, SIGKILL)
        }
    }
}
