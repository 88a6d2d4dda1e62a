import CLaunchPlan
import LaunchPlan
import SystemPackage

extension JobReference {
    /// Names a process that its descriptor holds.
    ///
    /// - Parameters:
    ///   - child: The process.
    ///   - controlGroup: Its cgroup, if it has one.
    ///   - adoptionSocket: Where the system helper hands it over.
    /// - Returns: `nil` when it has ended.
    static func of(
        _ child: StartedChild,
        controlGroup: FilePath? = nil,
        adoptionSocket: FilePath? = nil
    ) -> JobReference? {
        guard let startTime = ProcessStart.time(of: child.processID), child.isRunning else { return nil }
        return JobReference(
            processID: child.processID,
            startTime: startTime,
            bootID: ProcessStart.bootID,
            controlGroup: controlGroup?.string,
            adoptionSocket: adoptionSocket?.string
        )
    }

    /// Whether it was written in another boot; not where the kernel does not say which one this is.
    var isOfAnotherBoot: Bool { !ProcessStart.bootID.isEmpty && bootID != ProcessStart.bootID }

    /// Opens the process that is meant.
    ///
    /// - Returns: The process; `nil` only when it has certainly ended, or its number means another one by now.
    /// - Throws: `Errno` when nobody can tell: no descriptor is left, or `/proc` does not show the process (`hidepid`).
    func open() throws(Errno) -> StartedChild? {
        guard processID > 1, !isOfAnotherBoot else { return nil }
        guard bootID == ProcessStart.bootID else { throw .noSuchFileOrDirectory }
        let descriptor = linux_pidfd_open(processID)
        guard descriptor >= 0 else {
            let error = Errno(rawValue: -descriptor)
            // The number of a thread is an invalid argument, since Linux 6.15 no such file.
            guard [.noSuchProcess, .invalidArgument, .noSuchFileOrDirectory].contains(error) else { throw error }
            return nil
        }
        let child = StartedChild(processID: processID, processDescriptor: try OwnedDescriptor(moving: descriptor))
        do throws(Errno) {
            // Read behind the descriptor: what has this start time now is what the descriptor means.
            let stat = try ProcessStat(of: processID)
            return stat.hasEnded || stat.startTime != startTime ? nil : child
        } catch {
            // Whoever it was has ended, the job or its heir.
            guard child.isRunning else { return nil }
            throw error
        }
    }
}
