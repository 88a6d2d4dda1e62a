import Glibc
import LaunchPlan
import SystemPackage

/// The standard streams of one launch: the child's ends, the daemon's ends, and the files the child opens itself.
struct StreamPlumbing {
    /// What takes the places 0, 1 and 2 of the child: closed in the daemon once the child has them.
    private(set) var childEnds: [OwnedDescriptor] = []

    /// What takes the places from 3 upwards.
    private(set) var extraEnds: [OwnedDescriptor] = []

    /// Files the child opens over those places, as the account of the job.
    private(set) var files: [ChildPlan.StreamFile] = []

    /// Whether standard error is to become standard output once the child has opened that.
    private(set) var errorFollowsFile = false

    /// The daemon's ends of what is neither a file nor a descriptor of the host's.
    private(set) var standardInput: StreamChannel?
    private(set) var standardOutput: StreamChannel?
    private(set) var standardError: StreamChannel?

    /// The terminal that the standard streams are.
    private(set) var terminal: TerminalPlumbing?

    /// Whether the daemon has an end of any of them.
    var hasDaemonEnds: Bool {
        terminal != nil || standardInput != nil || standardOutput != nil || standardError != nil
    }

    /// What the daemon does with its ends.
    let input: StandardStream.Input
    let output: StandardStream.Output
    let error: StandardStream.Output

    /// The account of the job.
    let userID: UInt32

    /// No streams at all: those of a job that somebody else has launched.
    static let none = StreamPlumbing()

    private init() {
        input = .null
        output = .null
        error = .null
        userID = .max
    }

    /// Makes every socket and pipe and opens every descriptor that the streams of a command need.
    ///
    /// - Parameters:
    ///   - command: The command.
    ///   - userID: The account of the job.
    /// - Throws: `Errno` of the system call that failed; everything made so far is closed then.
    init(_ command: Command, of userID: UInt32) throws(Errno) {
        self.userID = userID
        input = command.standardInput
        output = command.standardOutput
        error = command.standardError
        if case .pseudoterminal(let rows, let columns, _) = command.terminal {
            let made = try TerminalPlumbing(of: userID, rows: rows, columns: columns)
            terminal = made
            childEnds = [made.slave, made.slave, made.slave]
        } else {
            childEnds.append(try childEnd(ofInput: input))
            childEnds.append(try childEnd(of: output, at: STDOUT_FILENO, channel: \.standardOutput))
            childEnds.append(try childEnd(of: error, at: STDERR_FILENO, channel: \.standardError))
        }
        // Above every place that extra descriptors take on their way, and above the image of the trampoline behind them.
        let lowest = ChildPlan.behindExtraDescriptors(Int32(command.extraDescriptors.count)) + 1
        for extra in command.extraDescriptors {
            extraEnds.append(try OwnedDescriptor(duplicating: extra.descriptor.rawValue, lowest: lowest))
        }
    }

    /// The operations that bring the child's ends to their places, in a table of descriptors of the child's own.
    ///
    /// - Parameter needed: The highest other descriptor that the child needs afterwards.
    /// - Returns: The operations, in order.
    func placement(keeping needed: Int32 = STDERR_FILENO) -> [ChildOperation] {
        ChildPlan.placement(of: childEnds.map(\.rawValue), keeping: needed)
    }

    /// The same, with the extra descriptors, for a child that becomes the job itself.
    func directPlacement() -> [ChildOperation] {
        let sources = extraEnds.map(\.rawValue)
        return placement(keeping: sources.reduce(STDERR_FILENO, max))
            + zip(sources, (STDERR_FILENO + 1)...).map { .placeDescriptor($0, at: $1) }
    }

    /// Closes the child's ends in the daemon, once the child has them.
    func closeChildEnds() {
        for end in childEnds + extraEnds { end.closeNow() }
    }

    private mutating func childEnd(ofInput stream: StandardStream.Input) throws(Errno) -> OwnedDescriptor {
        switch stream {
        case .null: return try Self.nullDevice(O_RDONLY)
        case .inherit: return try Self.inherited(STDIN_FILENO, O_RDONLY)
        case .descriptor(let descriptor): return try OwnedDescriptor(duplicating: descriptor.rawValue)
        case .file(let path):
            files.append(ChildPlan.StreamFile(path: path, flags: O_RDONLY, target: STDIN_FILENO))
            return try Self.nullDevice(O_RDONLY)
        case .pipe:
            let (daemon, job) = try StreamChannel.pipe(jobWrites: false, of: userID)
            standardInput = daemon
            return job
        case .bytes, .stream:
            let (daemon, job) = try StreamChannel.socket(jobWrites: false, of: userID)
            standardInput = daemon
            return job
        }
    }

    private mutating func childEnd(
        of stream: StandardStream.Output,
        at target: Int32,
        channel: WritableKeyPath<StreamPlumbing, StreamChannel?>
    ) throws(Errno) -> OwnedDescriptor {
        switch stream {
        case .null: return try Self.nullDevice(O_WRONLY)
        case .inherit: return try Self.inherited(target, O_WRONLY)
        case .descriptor(let descriptor): return try OwnedDescriptor(duplicating: descriptor.rawValue)
        case .standardOutput:
            // Only standard error can follow standard output, and the command was checked for that. A file is opened by
            // the child over place 1, and only then is there something to follow.
            errorFollowsFile = files.contains { $0.target == STDOUT_FILENO }
            return try OwnedDescriptor(duplicating: childEnds[1].rawValue)
        case .file(let path, let mode):
            files.append(ChildPlan.StreamFile(path: path, flags: Self.flags(mode), target: target))
            return try Self.nullDevice(O_WRONLY)
        case .pipe:
            let (daemon, job) = try StreamChannel.pipe(jobWrites: true, of: userID)
            self[keyPath: channel] = daemon
            return job
        case .stream, .captured:
            let (daemon, job) = try StreamChannel.socket(jobWrites: true, of: userID)
            self[keyPath: channel] = daemon
            return job
        }
    }

    /// A place below 3 is never left empty: the next file the job opens would land on it.
    private static func nullDevice(_ access: Int32) throws(Errno) -> OwnedDescriptor {
        let descriptor = unsafe open("/dev/null", access | O_CLOEXEC)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        return try OwnedDescriptor(moving: descriptor)
    }

    /// The daemon's own stream; a daemon that has closed it gives its jobs `/dev/null`.
    ///
    /// In a daemon that has closed one, the next descriptor anybody makes takes its number: an audit log, a database, the
    /// event loop. Those are closed by an exec, and a stream that the daemon was started with never is.
    private static func inherited(_ descriptor: Int32, _ access: Int32) throws(Errno) -> OwnedDescriptor {
        let flags = fcntl(descriptor, F_GETFD)
        guard flags >= 0, flags & FD_CLOEXEC == 0 else { return try nullDevice(access) }
        do {
            return try OwnedDescriptor(duplicating: descriptor)
        } catch .badFileDescriptor {
            return try nullDevice(access)
        }
    }

    private static func flags(_ mode: StandardStream.OutputFileMode) -> Int32 {
        let always = O_WRONLY | O_CREAT | O_NOFOLLOW
        switch mode {
        case .append: return always | O_APPEND
        case .truncate: return always | O_TRUNC
        case .createNew: return always | O_EXCL
        }
    }
}
