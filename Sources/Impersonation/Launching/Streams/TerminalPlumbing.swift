import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage

/// A pseudo-terminal of one launch, made in the daemon and given to the account by the child.
struct TerminalPlumbing {
    /// The daemon's side, once to read from and once to write to: the reactor tells two waits apart by their descriptors.
    let reading: OwnedDescriptor
    let writing: OwnedDescriptor

    /// The job's side.
    let slave: OwnedDescriptor

    /// The group that the file system for terminals gives them; `nil` when it gives none.
    private let groupID: UInt32?

    /// Opens a pseudo-terminal.
    ///
    /// The daemon's side is only ever closed on a thread that nobody waits for.
    ///
    /// - Parameters:
    ///   - userID: The account of the job.
    ///   - rows: How many lines it has.
    ///   - columns: How many characters a line has.
    /// - Throws: `Errno` of `open(2)` or `ioctl(2)`; `resourceBusy` when the account holds up the end of others it had.
    init(of userID: UInt32, rows: UInt16, columns: UInt16) throws(Errno) {
        guard !PatientCloser.shared.isHeldUp(by: userID) else { throw .resourceBusy }
        var ends: (master: Int32, slave: Int32) = (-1, -1)
        let result = unsafe linux_terminal_create(&ends.master, &ends.slave, rows, columns)
        guard result == 0 else { throw Errno(rawValue: -result) }
        let job = OwnedDescriptor(ends.slave)
        // Both are above the places that descriptors of a child take.
        reading = StreamChannel.patient(try Self.moved(ends.master), userID)
        writing = StreamChannel.patient(try Self.duplicate(reading.rawValue), userID)
        slave = try OwnedDescriptor(duplicating: job.rawValue)
        var status = stat()
        guard unsafe fstat(slave.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        // Mounted without the option gid=, devpts gives a terminal the group of whoever opens it.
        groupID = status.st_gid == getegid() ? nil : status.st_gid
    }

    private static func moved(_ descriptor: Int32) throws(Errno) -> Int32 {
        // No process of the account knows the terminal yet, so that nobody can hold this close up.
        defer { close(descriptor) }
        return try duplicate(descriptor)
    }

    private static func duplicate(_ descriptor: Int32) throws(Errno) -> Int32 {
        let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, OwnedDescriptor.lowest)
        guard duplicate >= 0 else { throw Errno(rawValue: errno) }
        return duplicate
    }

    /// Who else may write to the terminal: `write(1)` and `wall(1)` by the group `tty`, or nobody.
    ///
    /// - Parameter account: The account of the job.
    /// - Returns: The group and the mode.
    func access(for account: ChildPlan.Credentials) -> ChildPlan.TerminalAccess {
        if let groupID = groupID ?? (geteuid() == 0 ? Self.terminalGroupID : nil) {
            return ChildPlan.TerminalAccess(groupID: groupID, mode: [.ownerReadWrite, .groupWrite])
        }
        return ChildPlan.TerminalAccess(groupID: account.groupID, mode: .ownerReadWrite)
    }

    /// The group `tty` of this host.
    ///
    /// A group of the system is in the file; a name service is not asked, since it may not answer for minutes.
    private static let terminalGroupID = (try? ProcFile.read("/etc/group")).flatMap { groupID(inGroupFile: $0) }

    /// The number of the group `tty`.
    ///
    /// - Parameter text: The text of `group(5)`.
    /// - Returns: The number in the first line of that name; `nil` where there is none, or it means "unchanged" to `chown(2)`.
    static func groupID(inGroupFile text: String) -> UInt32? {
        let fields = text.utf8.split(separator: UInt8(ascii: "\n")).lazy
            .map { $0.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) }
        return fields.first { $0.count == 4 && $0[0].elementsEqual("tty".utf8) }
            .flatMap { UInt32(Substring($0[2])) }
            .flatMap { ReservedIDRule.reserved.contains($0) ? nil : $0 }
    }
}
