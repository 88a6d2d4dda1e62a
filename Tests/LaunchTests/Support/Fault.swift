import Faults
import SystemPackage

@testable import Impersonation

/// A system call of one step that is made to fail, and the step the launch has to name.
struct Fault: Codable, Sendable, CustomStringConvertible {
    /// A condition on an argument of the system call.
    struct Condition: Codable, Sendable {
        var comparison: UInt32
        var argument: Int32
        var value: UInt32

        static let always = Condition(comparison: FAULT_ALWAYS.rawValue, argument: 0, value: 0)

        static func argument(_ argument: Int32, is value: UInt32) -> Condition {
            Condition(comparison: FAULT_EQUAL.rawValue, argument: argument, value: value)
        }

        static func argument(_ argument: Int32, isNot value: UInt32) -> Condition {
            Condition(comparison: FAULT_NOT_EQUAL.rawValue, argument: argument, value: value)
        }

        var imported: fault_condition {
            fault_condition(comparison: Int32(comparison), argument: argument, value: value)
        }
    }

    /// The number of the step that the error has to name.
    var step: UInt32
    var call: String
    var first = Condition.always
    var second = Condition.always
    /// Whether the step reports the error of the system call, and not one of its own.
    var reportsItsError = true

    init(
        _ step: LaunchStep,
        _ call: String,
        _ first: Condition = .always,
        _ second: Condition = .always,
        reportsItsError: Bool = true
    ) {
        self.step = step.rawValue
        self.call = call
        self.first = first
        self.second = second
        self.reportsItsError = reportsItsError
    }

    var description: String { "\(LaunchStep(rawValue: step)) (\(call))" }

    /// Makes the system call fail from now on, everywhere in this process and its children.
    ///
    /// - Parameter errno: The error; 0 makes the call do nothing and claim that it worked.
    /// - Returns: Whether the kernel took the filter.
    func install(_ errno: Int32) -> Bool {
        let number = unsafe fault_system_call(call)
        return number >= 0 && fault_install(number, first.imported, second.imported, errno) == 0
    }
}

extension Fault {
    private static let unshare: UInt32 = 2
    private static let setSignalMask: UInt32 = 2
    private static let setDumpable: UInt32 = 4
    private static let dropFromBoundingSet: UInt32 = 24
    private static let ambientSet: UInt32 = 47
    private static let setNoNewPrivileges: UInt32 = 38
    private static let getNoNewPrivileges: UInt32 = 39
    private static let unchanged = UInt32.max
    private static let lastSignal: UInt32 = 64
    /// What the child adds to the flags of an output file that is appended to.
    private static let streamFlags: UInt32 = 0o1 | 0o100 | 0o400 | 0o2000 | 0o4000 | 0o400000 | 0o2000000

    /// The steps of both modes, in the order they are taken.
    private static let common: [Fault] = [
        Fault(.unshareDescriptors, "close_range", .argument(2, is: unshare)),
        Fault(.placeDescriptor, "dup3", .argument(1, is: 0)),
        Fault(.resetSignals, "rt_sigaction", .argument(0, is: lastSignal)),
        Fault(.newSession, "setsid"),
        Fault(.scheduling, "sched_setscheduler"),
        Fault(.ioPriority, "ioprio_set"),
        Fault(.niceness, "setpriority"),
        Fault(.sessionKeyring, "keyctl"),
        Fault(.resourceLimit, "prlimit64", .argument(2, isNot: 0)),
        Fault(.boundingSet, "prctl", .argument(0, is: dropFromBoundingSet)),
        Fault(.ambientSet, "prctl", .argument(0, is: ambientSet)),
        Fault(.groups, "setgroups"),
        Fault(.groupID, "setresgid", .argument(0, isNot: unchanged)),
        Fault(.userID, "setresuid", .argument(0, isNot: unchanged)),
        Fault(.noNewPrivileges, "prctl", .argument(0, is: setNoNewPrivileges)),
        Fault(.fileModeCreationMask, "umask"),
        Fault(.workingDirectory, "chdir"),
        Fault(.openStream, "openat", .argument(2, is: streamFlags)),
        Fault(.execute, "execve"),
    ]

    /// Every step of the isolated mode that a system call can fail in.
    static let isolated: [Fault] =
        common + [
            Fault(.createPipes, "pipe2"),
            Fault(.createPipes, "eventfd2"),
            Fault(.sealDescriptors, "close_range", .argument(0, is: 6)),
            Fault(.executeTrampoline, "execveat"),
            Fault(.readPlan, "read", .argument(0, is: 4), .argument(2, is: 512 << 10)),
            Fault(.capabilities, "capset"),
            Fault(.notDumpable, "prctl", .argument(0, is: setDumpable)),
            Fault(.commit, "read", .argument(0, is: 5), .argument(2, is: 8), reportsItsError: false),
            Fault(.verifyUserID, "getresuid"),
            Fault(.verifyGroupID, "getresgid"),
            Fault(.verifyGroups, "getgroups"),
            Fault(.verifyCapabilities, "capget"),
            Fault(.verifyNoNewPrivileges, "prctl", .argument(0, is: getNoNewPrivileges)),
            Fault(.closeDescriptors, "close_range", .argument(0, is: 3)),
            // The pipe that cannot take the report cannot take the failure either: the child ends without a word.
            Fault(.confirm, "write", .argument(0, is: 3), .argument(2, is: 24), reportsItsError: false),
            Fault(.signalMask, "rt_sigprocmask", .argument(0, is: setSignalMask), .argument(2, is: 0)),
        ]

    /// The steps that look different when the trampoline has to make room for an extra descriptor.
    static let withExtraDescriptor: [Fault] = [
        Fault(.placeDescriptor, "dup3", .argument(1, is: 6)),
        Fault(.sealDescriptors, "close_range", .argument(0, is: 7)),
        Fault(.moveDescriptors, "dup3", .argument(1, is: 8)),
        Fault(.moveDescriptors, "dup3", .argument(1, is: 9)),
        Fault(.closeDescriptors, "close_range", .argument(0, is: 4)),
        Fault(.commit, "read", .argument(0, is: 9), .argument(2, is: 8), reportsItsError: false),
        Fault(.confirm, "write", .argument(0, is: 8), .argument(2, is: 24), reportsItsError: false),
        Fault(.signalMask, "rt_sigprocmask", .argument(0, is: setSignalMask), .argument(2, is: 0)),
        Fault(.execute, "execve"),
    ]

    /// The steps of a job with a terminal, in both modes.
    static let withTerminal: [Fault] = [
        Fault(.createPipes, "openat", .argument(2, is: 0o2 | 0o400 | 0o2000000)),
        Fault(.createPipes, "ioctl", .argument(1, is: 0x5441)),
        Fault(.controllingTerminal, "ioctl", .argument(1, is: 0x540E)),
        Fault(.ownTerminal, "fchmod"),
        Fault(.ownTerminal, "fchown"),
    ]

    /// What only a launch with streams of the daemon's own does: the socket of the first one.
    static let withStreams: [Fault] = [Fault(.createPipes, "socketpair")]

    /// Every step of the direct mode that a system call can fail in.
    static let direct: [Fault] =
        common + [
            Fault(.closeDescriptors, "close_range", .argument(0, is: 3)),
            Fault(.inheritableSet, "capset"),
            Fault(.verifyGroupID, "getresgid"),
            Fault(.effectiveUserID, "setresuid", .argument(0, is: unchanged)),
            Fault(.signalMask, "rt_sigprocmask", .argument(0, is: setSignalMask), .argument(2, is: 0)),
        ]

    /// Steps whose system call claims to have worked although nothing was done: only reading back finds out.
    static let pretended: [(fault: Fault, found: LaunchStep)] = [
        (Fault(.groups, "setgroups"), .verifyGroups),
        (Fault(.groupID, "setresgid", .argument(0, isNot: unchanged)), .verifyGroupID),
        (Fault(.userID, "setresuid", .argument(0, isNot: unchanged)), .verifyUserID),
        (Fault(.noNewPrivileges, "prctl", .argument(0, is: setNoNewPrivileges)), .verifyNoNewPrivileges),
        (Fault(.verifyNoRegain, "setresuid", .argument(0, is: unchanged)), .verifyNoRegain),
        (Fault(.verifyNoRegain, "setresgid", .argument(0, is: unchanged)), .verifyNoRegain),
    ]
}
