import Glibc
public import SystemPackage

/// The directories through which jobs come in and results go out.
///
/// Anybody may write into `new`, so nothing in there is believed: a file is opened once, without following links and
/// without waiting, looked at through that descriptor, moved to where only the worker can, compared with the
/// descriptor, and read from it. All of this blocks for as long as the file system takes, so the actor has a thread
/// of its own and never holds one of the concurrency pool.
public actor Spool {
    /// What to do next.
    public enum Next: Sendable {
        /// This.
        case item(SpoolItem)

        /// Nothing at the moment; with `true` something is there that is still being written: look again soon.
        case nothing(lookAgain: Bool)

        /// Nothing at the moment, and something is there that the file system does not let be taken: look again soon.
        case stuck(SpoolError)
    }

    /// The directory that holds the others.
    public nonisolated let path: FilePath

    /// Files whose writer may still be at it are left alone for this long, unless the kernel says that they are closed.
    static let settlingTime = 2.0

    private nonisolated let thread = QueueExecutor(label: "spool")
    let folders: [SpoolFolder: Folder]
    let watch: SpoolWatch
    let beforeMoving: @Sendable () -> Void
    private var waiting: [Arrival] = []
    var immovable: Set<FileFacts.Identity> = []

    /// Runs the actor on its own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    /// Opens a spool and makes what is missing of it.
    ///
    /// The call blocks; it belongs to the start of a worker.
    ///
    /// - Parameters:
    ///   - path: The directory; the one above it has to exist.
    ///   - submitters: Who may submit jobs.
    /// - Throws: ``SpoolError`` when somebody else could have made it, or another worker uses it.
    public init(_ path: FilePath, submitters: SpoolFolder.Submitters = .everybody) throws(SpoolError) {
        try self.init(path, submitters: submitters, beforeMoving: {})
    }

    /// Opens a spool, and calls a function at the moment at which somebody could interfere, so that a test can.
    init(
        _ path: FilePath,
        submitters: SpoolFolder.Submitters = .everybody,
        beforeMoving hook: @escaping @Sendable () -> Void
    ) throws(SpoolError) {
        self.path = path
        beforeMoving = hook
        let spool = try OwnedDirectory.open(path, permissions: 0o755)
        var folders: [SpoolFolder: Folder] = [:]
        for folder in SpoolFolder.allCases where folder != .newRoot || geteuid() == 0 {
            guard let name = FilePath.Component(folder.rawValue) else { preconditionFailure("a name is no path") }
            let permissions = folder.permissions(for: submitters)
            folders[folder] = try OwnedDirectory.open(name, in: spool, permissions: permissions)
        }
        self.folders = folders
        if let running = folders[.running] { try Self.lock(running) }
        watch = try SpoolWatch(folders)
    }

    /// Calls a function whenever something has come in, from now on.
    ///
    /// - Parameter changed: The function. It must not block.
    public func watch(_ changed: @escaping @Sendable () -> Void) {
        watch.begin(changed)
    }

    /// Takes the next thing out of `new` or `new-root`.
    ///
    /// - Parameter settled: Whether to take what may still be written to, because nothing more will come.
    /// - Returns: What was taken, or whether to look again.
    /// - Throws: ``SpoolError`` when one of the two cannot be read.
    public func next(settled: Bool = false) throws(SpoolError) -> Next {
        var lookAgain = false
        var trouble: SpoolError?
        for isSecondTry in [false, true] {
            while let arrival = waiting.popLast() {
                switch take(arrival, settled: settled) {
                case .taken(let item): return .item(item)
                case .vanished: continue
                case .notYet: lookAgain = true
                case .stuck(let error): trouble = trouble ?? error
                }
            }
            if !isSecondTry { waiting = try arrivals() }
        }
        return trouble.map { .stuck($0) } ?? .nothing(lookAgain: lookAgain)
    }

    /// Writes the result of a job and puts its file beside it.
    ///
    /// - Parameters:
    ///   - item: The job.
    ///   - folder: What came of it.
    ///   - result: The result.
    /// - Throws: ``SpoolError`` when it could not be written. The file is moved all the same.
    public func finish(_ item: SpoolItem, as folder: SpoolFolder, _ result: JobResult) throws(SpoolError) {
        try finish(item.id, as: folder, result)
    }

    /// Clears up after a worker that died: what it left in `running` is not run again, since nobody knows how far it
    /// came, but gets its result.
    ///
    /// - Returns: The jobs that were running.
    /// - Throws: ``SpoolError`` when `running` cannot be read or a result not be written.
    public func recover() throws(SpoolError) -> [JobResult] {
        var recovered: [JobResult] = []
        for name in try names(in: .running).sorted(by: { $0.string < $1.string }) {
            guard name.extension == "job", let id = JobID(stem: name.stem) else { continue }
            // Between the result and the move of the file the worker may have died as well.
            if let folder = SpoolFolder.outcomes.first(where: { exists(id.result, in: $0) }) {
                try move(id.file, from: .running, to: folder, as: id.file)
                continue
            }
            guard let facts = try? folder(.running).facts(of: name) else { continue }
            let result = JobResult(
                id: id,
                fileName: name.string,
                owner: facts.owner,
                outcome: "error",
                reason: "workerEnded",
                message: "the worker ended while the job ran"
            )
            try finish(id, as: .failed, result)
            recovered.append(result)
        }
        return recovered
    }
}

extension Spool {
    private func finish(_ id: JobID, as outcome: SpoolFolder, _ result: JobResult) throws(SpoolError) {
        var failure: SpoolError?
        do throws(SpoolError) {
            let bytes = try result.encoded()
            do throws(Errno) {
                try folder(outcome).write(bytes, as: id.result)
            } catch {
                throw SpoolError(
                    path: path.appending(outcome.rawValue),
                    message: "the result of job \(id) could not be written (\(error)); look after the file system"
                )
            }
        } catch {
            failure = error
        }
        if exists(id.file, in: .running) { try move(id.file, from: .running, to: outcome, as: id.file) }
        if let failure { throw failure }
    }

    func move(
        _ name: FilePath.Component,
        from: SpoolFolder,
        to: SpoolFolder,
        as newName: FilePath.Component
    ) throws(SpoolError) {
        do throws(Errno) {
            try folder(from).move(name, to: folder(to), as: newName)
        } catch {
            throw SpoolError(
                path: path.appending(from.rawValue).appending(name),
                message: "could not be moved to \(to.rawValue) (\(error)); look after the file system"
            )
        }
    }

    func names(in which: SpoolFolder) throws(SpoolError) -> [FilePath.Component] {
        do throws(Errno) {
            return try folder(which).names()
        } catch {
            throw SpoolError(
                path: path.appending(which.rawValue),
                message: "cannot be read (\(error)); look after the file system"
            )
        }
    }

    private func exists(_ name: FilePath.Component, in which: SpoolFolder) -> Bool {
        (try? folder(which).facts(of: name)) != nil
    }

    func folder(_ which: SpoolFolder) -> Folder {
        guard let folder = folders[which] else { preconditionFailure("every folder was opened") }
        return folder
    }

    /// Keeps other workers out for as long as the directory is open.
    ///
    /// The lock, of `flock(2)`, is on a directory that nobody else can open, so nobody else can hold it.
    private static func lock(_ running: Folder) throws(SpoolError) {
        guard flock(running.descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            let error = Errno(rawValue: errno)
            throw SpoolError(
                path: running.path,
                message: error == .wouldBlock
                    ? "another worker uses this spool; give each worker one of its own" : "cannot be locked: \(error)"
            )
        }
    }
}
