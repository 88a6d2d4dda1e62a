import Synchronization
public import SystemPackage

/// An audit log in a file of its own: one line of JSON per record.
///
/// The file belongs to the account that writes it, has mode 0600 whatever the umask says, and is refused when it is
/// a link, a device, anybody else's or open to others, or when others could replace it in its directory. Every record
/// is one `write(2)` at the end of the file, so whole lines of several daemons may share it. A record whose `append`
/// has returned stands before every record whose `append` is called afterwards.
///
/// Rotation needs no signal: when the path leads to another file than the open one, or to none, the file is opened
/// anew, with all checks, before the next record is written.
///
/// The keys of a line are `time` (ISO 8601 in UTC with milliseconds), `event`, `login`, `requested`,
/// `remote_address`, `outcome`, `reason`, `message`, `mode`, `account`, `domain`, `uid`, `gid`, `groups`, `rules` (an
/// array of `rule`, `source`, `line` and `text`), `executable`, `backend`, `pid`, `timings` (`preparation`, `clone` and
/// `confirmation`, in seconds), `attestation` and `status` (`exited` or `signaled`). What is not known is left out. Whatever a name contains, it cannot break a line or write to the
/// terminal of a reader: control and format characters are escaped.
public final class FileAuditLog: AuditLog {
    /// What a record has survived once it counts as written.
    public enum Durability: Sendable, Hashable {
        /// A crash of the daemon: the kernel has the record.
        case written

        /// A crash of the host: the disk has the record (`fdatasync(2)`).
        case synced
    }

    /// The file.
    public let path: FilePath

    /// What a record has survived once it counts as written.
    public let durability: Durability

    /// After how long a file system that does not answer counts as failed; the record may appear later.
    private static let deadline = Duration.seconds(10)

    private let file: Mutex<AuditFile?>
    private let workers = BlockingWorkers(name: "audit-log", maximumThreads: 1)

    /// Opens the file, and creates it where it is not there.
    ///
    /// The call blocks for as long as the file system takes; it belongs to the start of a daemon.
    ///
    /// - Parameters:
    ///   - path: The file. Its directory has to exist, belong to root or to the account of this process, and be closed
    ///     to writing by others, or sticky.
    ///   - durability: What a record has survived once it counts as written.
    /// - Throws: ``AuditLogError`` with the path, what was found there and the remedy.
    public init(_ path: FilePath, durability: Durability = .written) throws(AuditLogError) {
        self.path = path
        self.durability = durability
        file = Mutex(try AuditFile(opening: path, synced: durability == .synced))
    }

    /// Says whether a file and its directory would be accepted, and neither creates nor changes anything.
    ///
    /// - Parameter path: The file; it need not be there.
    /// - Throws: ``AuditLogError`` with the path, what was found there and the remedy.
    package static func examine(_ path: FilePath) throws(AuditLogError) {
        try AuditFile.examine(path)
    }

    /// Appends one record.
    ///
    /// Cancelling the calling task does not keep the record from being written. A file system that does not answer is
    /// given up after ten seconds.
    ///
    /// - Parameter record: What was decided.
    /// - Throws: ``AuditLogError`` when the file could not be opened anew after a rotation, or did not take the whole
    ///   record.
    public func append(_ record: AuditRecord) async throws(AuditLogError) {
        let line: [UInt8]
        do {
            line = try AuditLine(record).encoded()
        } catch {
            throw AuditLogError(destination: path.string, message: "a record could not be written as JSON: \(error)")
        }
        try await offThePool { () throws(AuditLogError) in try self.write(line) }
    }

    /// Opens the file anew, for rotation schemes that announce themselves.
    ///
    /// - Throws: ``AuditLogError`` with the path, what was found there and the remedy. The next record tries again.
    public func reopen() async throws(AuditLogError) {
        try await offThePool { () throws(AuditLogError) in
            try self.file.withLock { (file: inout sending AuditFile?) throws(AuditLogError) in
                file = nil
                file = try AuditFile(opening: self.path, synced: self.durability == .synced)
            }
        }
    }

    /// Everything of this type that waits for a file system goes through here: one thread, first come first served.
    ///
    /// The task in between takes no part in the cancellation of the caller: a record is written or has failed, never
    /// dropped half-way.
    private func offThePool(
        _ work: @escaping @Sendable () throws(AuditLogError) -> Void
    ) async throws(AuditLogError) {
        let outcome =
            await Task.detached { [workers] () -> Result<Void, AuditLogError> in
                do throws(BlockingWorkersError) {
                    return try await workers.perform(deadline: Self.deadline) { Result(catching: work) }
                } catch {
                    return .failure(self.failure(error))
                }
            }
            .value
        try outcome.get()
    }

    private func failure(_ error: BlockingWorkersError) -> AuditLogError {
        let message =
            switch error {
            case .deadlineExceeded:
                "its file system did not answer within \(Self.deadline); look after the file system"
            case .saturated, .cancelled:
                "an earlier record still waits for its file system, or no thread could be started; look after the file "
                    + "system and the limits of this process"
            }
        return AuditLogError(destination: path.string, message: message)
    }

    private func write(_ line: [UInt8]) throws(AuditLogError) {
        let synced = durability == .synced
        try file.withLock { (file: inout sending AuditFile?) throws(AuditLogError) in
            if file == nil || file?.isCurrent() == false {
                file = nil
                file = try AuditFile(opening: path, synced: synced)
            }
            try file?.append(line, synced: synced)
        }
    }
}
