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

    /// How often it is asked for again, and how many microseconds lie between: half a second in all.
    private static let attempts = 50
    private static let delay: UInt32 = 10_000

    /// Gives the session of this process ten times the weight of an ordinary one.
    ///
    /// It waits for up to half a second where others change the weight of theirs.
    package static func take() -> Outcome {
        guard (try? ProcFile.read(setting))?.first == "1" else { return .notOffered }
        guard getsid(0) == getpid() else { return .sharesSession }
        var attempt = 1
        while true {
            do throws(Errno) {
                try write("\(niceness)")
                return .taken
            } catch .noSuchFileOrDirectory {
                return .notOffered
            } catch .resourceTemporarilyUnavailable where attempt < attempts {
                // Of all processes without CAP_SYS_ADMIN, one may do it every tenth of a second (proc_sched_autogroup_set_nice).
                attempt += 1
                usleep(delay)
            } catch {
                return .refused(error)
            }
        }
    }

    private static func write(_ text: String) throws(Errno) {
        do {
            let file = try FileDescriptor.open(file, .writeOnly, options: .closeOnExec)
            _ = try file.closeAfter { try file.writeAll(text.utf8) }
        } catch let error as Errno {
            throw error
        } catch {
            throw .ioError
        }
    }
}
