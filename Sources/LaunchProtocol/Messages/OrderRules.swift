import CLaunchPlan
import Glibc
import LaunchPlan

/// What the fields of an order may say; encoder and decoder ask the same rules.
enum OrderRules {
    /// Every id but the last, which means "leave it as it is" to the kernel and so would mean root (`setresuid(2)`).
    static let ids: ClosedRange<UInt32> = 0...UInt32.max - 1

    static let groups = 0...ProtocolLimits.groups
    static let executables = 1...ProtocolLimits.executables

    /// Never empty: programs take the first one for granted (CVE-2021-4034).
    static let arguments = 1...ProtocolLimits.strings

    /// As many as the kernel takes beside the arguments.
    static func environment(beside arguments: [[UInt8]]) -> ClosedRange<Int> {
        0...max(0, ProtocolLimits.strings - arguments.count)
    }

    static let niceness: ClosedRange<Int32> = -20...19
    static let modeBits: UInt16 = 0o777
    static let resources: ClosedRange<Int32> = 0...Int32(ProtocolLimits.resources - 1)
    static let resourceCounts = 0...ProtocolLimits.resources
    static let descriptors = 3...3 + ProtocolLimits.extraDescriptors
    static let positive: ClosedRange<UInt64> = 1...UInt64.max
    static let processorWeights = ControlGroupLimits.processorWeights
    static let processorQuotas = ControlGroupLimits.processorQuotas

    /// Nobody but the account reads what is typed, and others do not write (`tty(4)`, `mesg(1)`).
    static let terminalModeBits: UInt16 = 0o620

    static let streamFlags = O_WRONLY | O_RDWR | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_NOFOLLOW

    static func check(streamFlags: Int32, at offset: Int) throws(FrameError) {
        guard streamFlags & O_ACCMODE != O_ACCMODE else {
            throw FrameError(.unknownValue, at: offset, in: "stream flags")
        }
    }

    /// Only a file at standard output leaves something to follow, and a file at standard error something to undo.
    static func check(
        errorFollowsOutput: Bool,
        with files: [ChildPlan.StreamFile],
        at offset: Int
    ) throws(FrameError) {
        guard errorFollowsOutput else { return }
        let targets = files.map(\.target)
        guard targets.contains(STDOUT_FILENO), !targets.contains(STDERR_FILENO) else {
            throw FrameError(.contradiction, at: offset, in: "error follows output")
        }
    }

    /// A job's terminal is all of its standard streams.
    static func check(
        terminal: ChildPlan.TerminalAccess?,
        with files: [ChildPlan.StreamFile],
        at offset: Int
    ) throws(FrameError) {
        guard terminal == nil || files.isEmpty else { throw FrameError(.contradiction, at: offset, in: "terminal") }
    }

    /// A place below the highest that nothing takes would be whatever the job opens first.
    static func check(target: Int32, is place: Int32, at offset: Int) throws(FrameError) {
        guard target == place else { throw FrameError(.notCanonical, at: offset, in: "descriptor target") }
    }
}
