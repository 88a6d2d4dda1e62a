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

    /// Opens the process that is meant.
    ///
    /// - Returns: The process; `nil` when it has ended, or its number means another one by now.
    func open() -> StartedChild? {
        guard bootID == ProcessStart.bootID, processID > 1 else { return nil }
        let descriptor = linux_pidfd_open(processID)
        guard descriptor >= 0, let owner = try? OwnedDescriptor(moving: descriptor) else { return nil }
        // Read behind the descriptor: what has this start time now is what the descriptor means.
        guard ProcessStart.time(of: processID) == startTime else { return nil }
        return StartedChild(processID: processID, processDescriptor: owner)
    }
}
