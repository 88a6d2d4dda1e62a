import CLaunchPlan
import Glibc
package import SystemPackage

/// The cgroup of one job: everything the job has started is in it, however it tried to get away.
///
/// The files that tell and bring about its end are open from the start, so that a daemon without a free descriptor can still
/// end its jobs.
package final class ControlGroup: Sendable {
    /// What the processes of a group have used together, as far as its controllers tell.
    package struct Peaks: Hashable, Sendable {
        package var memoryBytes: UInt64?
        package var processes: UInt64?
    }

    package let path: FilePath

    /// What a child is cloned into, and what its files are opened below.
    package let directory: OwnedDescriptor

    /// What removes the group, and holds nothing of it.
    package let removal: ControlGroupRemoval

    /// Whose the group is: processes of that account can leave it.
    package let owner: UInt32

    private let name: String
    private let events: OwnedDescriptor

    /// `nil` before Linux 5.14.
    private let killer: OwnedDescriptor?

    /// Whether the processes have a quota of processor time, as far as this process has made the group itself.
    private let quota: Quota

    private enum Quota: Sendable {
        case none
        case set(OwnedDescriptor)
        case unknown
    }

    /// - Parameters:
    ///   - name: The name of the group, which is there.
    ///   - path: Its place, for messages.
    ///   - parent: The directory that it is in.
    ///   - hasQuota: Whether its processes have a quota of processor time; `nil` where only the group knows.
    /// - Throws: `Errno` of a file that cannot be opened.
    init(name: String, path: FilePath, in parent: OwnedDescriptor, withQuota hasQuota: Bool? = nil) throws(Errno) {
        self.name = name
        self.path = path
        removal = ControlGroupRemoval(name: name, parent: parent)
        let descriptor = unsafe openat(parent.rawValue, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        directory = try OwnedDescriptor(moving: descriptor)
        var status = stat()
        guard unsafe fstat(directory.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        owner = status.st_uid
        events = try Self.open("cgroup.events", O_RDONLY, in: directory)
        quota =
            switch hasQuota {
            case true?: .set(try Self.open("cpu.max", O_WRONLY, in: directory))
            case false?: .none
            case nil: .unknown
            }
        do throws(Errno) {
            killer = try Self.open("cgroup.kill", O_WRONLY, in: directory)
        } catch .noSuchFileOrDirectory {
            killer = nil
        } catch {
            throw error
        }
    }

    /// Whether the kernel kills all of it at once; otherwise that is nothing for a thread that others wait for.
    package var isKilledByKernel: Bool { killer != nil }

    /// Whether a process is left in the group or below it; a zombie counts as gone.
    ///
    /// What cannot be found out counts as a process that is left.
    package var isPopulated: Bool {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = unsafe pread(events.rawValue, &bytes, bytes.count, 0)
        // The file of a group that was removed stays open and says so.
        guard count >= 0 else { return errno != ENODEV && errno != ENOENT }
        return !Self.isEmpty(events: bytes.prefix(count))
    }

    /// Whether `cgroup.events` says that no process is left (`cgroups(7)`).
    static func isEmpty(events: some Collection<UInt8>) -> Bool {
        events.split(separator: UInt8(ascii: "\n")).contains { $0.elementsEqual("populated 0".utf8) }
    }

    /// The processes of the group, at this moment.
    package var processes: [Int32] {
        (try? Self.read("cgroup.procs", in: directory)).map { Self.processes(in: $0) } ?? []
    }

    /// The numbers in `cgroup.procs`; 0 stands for a process of another pid namespace.
    static func processes(in text: String) -> [Int32] {
        text.utf8.split(separator: UInt8(ascii: "\n")).compactMap { Int32(Substring($0)) }
    }

    /// How many processes are left; at least one as long as the group is not empty.
    package var remainder: Int { isPopulated ? max(1, processes.count) : 0 }

    /// Kills every process of the group at once, those that are just being forked included.
    ///
    /// The kernel does it itself since Linux 5.14 (`cgroup.kill`), which needs no right to signal the processes. Before
    /// that the group is frozen, so that nobody forks away, and each of its processes is killed.
    ///
    /// - Returns: Whether the kernel does it itself.
    @discardableResult
    package func kill() -> Bool {
        if let killer {
            var one = UInt8(ascii: "1")
            if unsafe Glibc.write(killer.rawValue, &one, 1) == 1 {
                liftQuota()
                return true
            }
            killEach()
            return false
        }
        try? Self.write("1", to: "cgroup.freeze", in: directory)
        killEach()
        try? Self.write("0", to: "cgroup.freeze", in: directory)
        return false
    }

    /// Kills all that are there at this moment; what may not be killed keeps its quota.
    private func killEach() {
        let reached = signal(SIGKILL)
        if !reached.isEmpty, reached.isSuperset(of: processes) { liftQuota() }
    }

    /// Gives the processes as much of the processor as there is, once they are killed: each needs some to end, and would wait for it
    /// in turn.
    private func liftQuota() {
        switch quota {
        case .none: break
        case .set(let file):
            unsafe "max".utf8CString.withUnsafeBytes { _ = unsafe Glibc.write(file.rawValue, $0.baseAddress, 3) }
        // Without a descriptor for it the group is killed all the same.
        case .unknown: try? Self.write("max", to: "cpu.max", in: directory)
        }
    }

    /// Sends a signal to every process that is in the group at this moment.
    ///
    /// - Parameter signal: The signal.
    /// - Returns: Who got it.
    @discardableResult
    package func signal(_ signal: Int32) -> Set<Int32> {
        Set(
            processes.filter { process in
                let descriptor = linux_pidfd_open(process)
                guard descriptor >= 0 else { return false }
                defer { close(descriptor) }
                // The number may have passed to another process between the list and the descriptor.
                guard (try? contains(process)) == true else { return false }
                return launch_signal(descriptor, signal) == 0
            }
        )
    }

    /// Whether a process is in the group.
    ///
    /// - Parameter process: The process.
    /// - Returns: Whether it is.
    /// - Throws: `Errno` when `/proc` does not say.
    package func contains(_ process: Int32) throws(Errno) -> Bool {
        try ProcFile.read(FilePath("/proc/\(process)/cgroup")).contains("/\(name)\n")
    }

    /// The id of the group as the kernel tells it of a process: the inode number of the directory.
    package var kernelID: UInt64? {
        var status = stat()
        return unsafe fstat(directory.rawValue, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// Opens the file that a process enters the group by.
    func openProcesses() throws(Errno) -> OwnedDescriptor {
        try Self.open("cgroup.procs", O_WRONLY, in: directory)
    }

    /// What its processes have used together; to be asked before the group is removed.
    package var peaks: Peaks {
        func number(_ file: String) -> UInt64? {
            guard let text = try? Self.read(file, in: directory) else { return nil }
            return UInt64(text.prefix { $0 != "\n" })
        }
        return Peaks(memoryBytes: number("memory.peak"), processes: number("pids.peak"))
    }

    /// Removes the group.
    ///
    /// - Returns: Whether it is gone; one with a process in it stays.
    @discardableResult
    package func remove() -> Bool {
        removal.perform()
    }

    private static func open(
        _ file: String,
        _ access: Int32,
        in directory: OwnedDescriptor
    ) throws(Errno) -> OwnedDescriptor {
        let descriptor = unsafe openat(directory.rawValue, file, access | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        return try OwnedDescriptor(moving: descriptor)
    }

    static func write(_ text: String, to file: String, in directory: OwnedDescriptor) throws(Errno) {
        let descriptor = unsafe openat(directory.rawValue, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        defer { close(descriptor) }
        var text = text
        let count = text.utf8.count
        let written = text.withUTF8 { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written == count else { throw written < 0 ? Errno(rawValue: errno) : .ioError }
    }

    static func read(_ file: String, in directory: OwnedDescriptor) throws(Errno) -> String {
        let descriptor = unsafe openat(directory.rawValue, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        defer { close(descriptor) }
        return try ProcFile.read(FileDescriptor(rawValue: descriptor))
    }
}
