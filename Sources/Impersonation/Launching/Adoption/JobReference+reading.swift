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
    /// - Returns: `nil` when it has ended, or has no number here that would tell it from others.
    static func of(
        _ child: StartedChild,
        controlGroup: FilePath? = nil,
        adoptionSocket: FilePath? = nil
    ) -> JobReference? {
        // The system helper may have told a number of its own pid namespace, which here is somebody else's.
        let number = child.processDescriptor.withOpen { ProcFile.process(of: $0) }
        guard number ?? child.processID == child.processID, let startTime = ProcessStart.time(of: child.processID),
            child.isRunning
        else { return nil }
        let namespaces = ProcessNamespaces.own
        return JobReference(
            processID: child.processID,
            startTime: startTime,
            bootID: ProcessStart.bootID,
            controlGroup: controlGroup?.string,
            adoptionSocket: adoptionSocket?.string,
            processNamespace: namespaces.processes == 0 ? nil : namespaces.processes,
            timeNamespace: namespaces.times == 0 ? nil : namespaces.times
        )
    }

    /// Whether it was written in another boot; not where the kernel does not say which one this is.
    var isOfAnotherBoot: Bool { !ProcessStart.bootID.isEmpty && bootID != ProcessStart.bootID }

    /// Whether it was written where numbers or times of processes mean something else than here, as far as that is known here.
    var isOfOtherNamespaces: Bool {
        let own = ProcessNamespaces.own
        return processNamespace ?? own.processes != own.processes || timeNamespace ?? own.times != own.times
    }

    /// Opens the process that is meant.
    ///
    /// - Returns: The process; `nil` only when it has certainly ended, or its number means another one by now.
    /// - Throws: `Errno` when nobody can tell: no descriptor is left, `/proc` does not show the process (`hidepid`), or number and
    ///   start are those of other namespaces (`EXDEV`).
    func open() throws(Errno) -> StartedChild? {
        guard !isOfAnotherBoot else { return nil }
        guard bootID == ProcessStart.bootID else { throw .noSuchFileOrDirectory }
        guard !isOfOtherNamespaces else { throw .improperLink }
        guard processID > 1 else { return nil }
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
