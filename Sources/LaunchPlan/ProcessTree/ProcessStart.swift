import Glibc
import SystemPackage

/// When a process was started: tells it from a later one of the same number.
package enum ProcessStart {
    /// The start of a process in clock ticks since the boot (field 22 of `proc_pid_stat(5)`).
    ///
    /// - Parameter processID: The process.
    /// - Returns: The time; `nil` when there is no such process, or it has ended and was not reaped.
    package static func time(of processID: Int32) -> UInt64? {
        guard let stat = try? ProcessStat(of: processID), !stat.hasEnded else { return nil }
        return stat.startTime
    }

    /// Whether a process has certainly ended, a zombie included.
    ///
    /// Where `/proc` does not say when it was started (`hidepid`, no descriptor left), one that is there counts as the one that is
    /// meant.
    ///
    /// - Parameters:
    ///   - processID: The process.
    ///   - start: When it was started.
    /// - Returns: Whether nobody runs under that number, or another process.
    package static func hasEnded(_ processID: Int32, startedAt start: UInt64) -> Bool {
        guard let stat = try? ProcessStat(of: processID) else {
            return kill(processID, 0) != 0 && errno == ESRCH
        }
        return stat.hasEnded || stat.startTime != start
    }

    /// The boot that those times count from (`random(4)`).
    package static let bootID: String = {
        let text = (try? ProcFile.read("/proc/sys/kernel/random/boot_id")) ?? ""
        return String(text.prefix { $0 != "\n" })
    }()
}
