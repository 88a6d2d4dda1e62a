/// How a process ended.
public enum TerminationStatus: Sendable, Hashable {
    /// It exited with this code.
    case exited(Int32)

    /// It was ended by this signal.
    case signaled(Signal, coreDumped: Bool = false)

    /// Whether it exited with code zero.
    public var isSuccess: Bool { self == .exited(0) }
}

/// A signal.
///
/// The corresponding C constants are those of `signal(7)`.
public struct Signal: RawRepresentable, Sendable, Hashable {
    /// The number of the signal on Linux.
    public let rawValue: Int32

    /// Creates a signal from its number.
    ///
    /// - Parameter rawValue: The number of the signal on Linux.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The signal `SIGHUP`.
    public static let hangup = Signal(rawValue: 1)

    /// The signal `SIGINT`.
    public static let interrupt = Signal(rawValue: 2)

    /// The signal `SIGQUIT`.
    public static let quit = Signal(rawValue: 3)

    /// The signal `SIGABRT`.
    public static let abort = Signal(rawValue: 6)

    /// The signal `SIGKILL`.
    public static let kill = Signal(rawValue: 9)

    /// The signal `SIGUSR1`.
    public static let user1 = Signal(rawValue: 10)

    /// The signal `SIGSEGV`.
    public static let segmentationFault = Signal(rawValue: 11)

    /// The signal `SIGUSR2`.
    public static let user2 = Signal(rawValue: 12)

    /// The signal `SIGPIPE`.
    public static let brokenPipe = Signal(rawValue: 13)

    /// The signal `SIGTERM`.
    public static let terminate = Signal(rawValue: 15)

    /// The signal `SIGCONT`.
    public static let resume = Signal(rawValue: 18)

    /// The signal `SIGSTOP`.
    public static let stop = Signal(rawValue: 19)
}
