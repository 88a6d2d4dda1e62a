import Glibc
package import SystemPackage

/// The weight that the session of this process has against the sessions of jobs, where sessions share the processor.
///
/// Linux makes a task group for each session (autogroups, `sched(7)`), and `nice` counts only within it.
package enum SessionPrecedence {
    /// What came of asking for it.
    package enum Outcome: Hashable, Sendable {
        case taken
        case sharesSession
        case notOffered
        case refused(Errno)
    }

    private static let setting = FilePath("/proc/sys/kernel/sched_autogroup_enabled")
    private static let file = FilePath("/proc/self/autogroup")

    /// Ten times the weight of a session at zero, as with `nice(2)`; -20 would be ninety times, and would starve the machine's
    /// other services while the daemon computes.
    private static let niceness = -10

    /// How many seconds it is asked for again.
    private static let patience = 1

    /// Gives the session of this process ten times the weight of an ordinary one.
    ///
    /// It asks again for up to a second where others change the weight of theirs.
    ///
    /// - Parameter open: Opens this process's file for it, where there is something to be had.
    /// - Returns: What came of it.
    package static func take(_ open: () throws(Errno) -> FileDescriptor = openFile) -> Outcome {
        guard (try? ProcFile.read(setting))?.first == "1" else { return .notOffered }
        guard getsid(0) == getpid() else { return .sharesSession }
        do throws(Errno) {
            let file = try open()
            defer { try? file.close() }
            try write("\(niceness)", to: file)
            return .taken
        } catch .noSuchFileOrDirectory {
            return .notOffered
        } catch {
            return .refused(error)
        }
    }

    /// Opens the file in which the weight of this process's session stands.
    ///
    /// - Returns: The descriptor, which does for writing whatever becomes of this process.
    /// - Throws: `Errno` of `open(2)`; `EACCES` to a process that is not root where others may not read its program.
    package static func openFile() throws(Errno) -> FileDescriptor {
        do {
            return try FileDescriptor.open(file, .writeOnly, options: .closeOnExec)
        } catch let error as Errno {
            throw error
        } catch {
            throw .ioError
        }
    }

    /// Writes as soon as it is this process's turn.
    ///
    /// Of all processes without `CAP_SYS_ADMIN`, one may do it every tenth of a second (`proc_sched_autogroup_set_nice` of the kernel):
    /// whoever asks first. Whoever sleeps in between is not.
    private static func write(_ text: String, to file: FileDescriptor) throws(Errno) {
        let end = seconds() + patience
        while true {
            do {
                _ = try file.writeAll(text.utf8)
                return
            } catch let error as Errno {
                guard error == .resourceTemporarilyUnavailable, seconds() <= end else { throw error }
                sched_yield()
            } catch {
                throw .ioError
            }
        }
    }

    private static func seconds() -> Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec
    }
}
