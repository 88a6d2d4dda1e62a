import Glibc
import LaunchPlan
import SystemPackage

@testable import LaunchProtocol

/// Messages that use every field.
enum Samples {
    /// An order as small as it can be.
    static let smallest = LaunchOrder(
        account: Array("a".utf8),
        credentials: ChildPlan.Credentials(userID: 1, groupID: 1, groups: []),
        executables: ["x"],
        arguments: [[]],
        environment: [],
        workingDirectory: "/",
        fileModeCreationMask: 0,
        noNewPrivileges: false,
        emptiesBoundingSet: false,
        startDeadlineMilliseconds: 1,
        endsWithDaemon: false
    )

    /// An order with every field set.
    static let order = LaunchOrder(
        account: Array("alice".utf8),
        credentials: ChildPlan.Credentials(userID: 1000, groupID: 1001, groups: [4, 1001]),
        executables: ["/usr/bin/env", "/bin/env"],
        arguments: [Array("env".utf8), []],
        environment: [Array("A=1".utf8), Array("B=".utf8)],
        workingDirectory: "/home/alice",
        fallbackDirectory: "/",
        streamFiles: [
            ChildPlan.StreamFile(path: "/in", flags: O_RDONLY, target: 0),
            ChildPlan.StreamFile(path: "out", flags: O_WRONLY | O_CREAT | O_NOFOLLOW | O_APPEND, target: 1),
        ],
        errorFollowsOutput: true,
        niceness: -5,
        fileModeCreationMask: 0o027,
        resourceLimits: [
            ChildPlan.Limit(resource: 7, soft: 256, hard: 512), ChildPlan.Limit(resource: 4, soft: 0, hard: nil),
        ],
        noNewPrivileges: true,
        emptiesBoundingSet: false,
        startDeadlineMilliseconds: 10_000,
        descriptorTargets: [0, 1, 2, 3],
        treeLimits: ControlGroupLimits(
            processes: 64,
            memoryBytes: 1 << 30,
            processorWeight: 100,
            processorQuotaMicroseconds: 50_000
        ),
        endsWithDaemon: true,
        endsDescendants: true,
        session: SessionOrder(
            service: Array("qube".utf8),
            authenticates: false,
            yields: [.fileModeCreationMask, .limit(7)],
            idleMilliseconds: 30_000
        )
    )

    /// The same order, field by field.
    static let orderBytes = WireBytes([
        ("account name", wire("alice")),
        ("user id", wire(UInt32(1000))),
        ("group id", wire(UInt32(1001))),
        ("groups", wire(UInt32(2))),
        ("first group", wire(UInt32(4))),
        ("second group", wire(UInt32(1001))),
        ("executables", wire(UInt32(2))),
        ("first executable", wire("/usr/bin/env")),
        ("second executable", wire("/bin/env")),
        ("arguments", wire(UInt32(2))),
        ("first argument", wire("env")),
        ("second argument", wire("")),
        ("environment", wire(UInt32(2))),
        ("first variable", wire("A=1")),
        ("second variable", wire("B=")),
        ("working directory", wire("/home/alice")),
        ("has fallback", [1]),
        ("fallback directory", wire("/")),
        ("stream files", wire(UInt32(2))),
        ("first path", wire("/in")),
        ("first flags", wire(Int32(0))),
        ("first target", wire(Int32(0))),
        ("second path", wire("out")),
        ("second flags", wire(Int32(0o1 | 0o100 | 0o400000 | 0o2000))),
        ("second target", wire(Int32(1))),
        ("error follows output", [1]),
        ("niceness", wire(Int32(-5))),
        ("mask", wire(UInt16(0o027))),
        ("resource limits", wire(UInt32(2))),
        ("first resource", wire(Int32(7))),
        ("first soft", wire(UInt64(256))),
        ("first has hard", [1]),
        ("first hard", wire(UInt64(512))),
        ("second resource", wire(Int32(4))),
        ("second soft", wire(UInt64(0))),
        ("second has hard", [0]),
        ("no new privileges", [1]),
        ("empties bounding set", [0]),
        ("has terminal", [0]),
        ("start deadline", wire(UInt32(10_000))),
        ("descriptor targets", wire(UInt32(4))),
        ("place 0", wire(Int32(0))),
        ("place 1", wire(Int32(1))),
        ("place 2", wire(Int32(2))),
        ("place 3", wire(Int32(3))),
        ("has process limit", [1]),
        ("process limit", wire(UInt64(64))),
        ("has memory limit", [1]),
        ("memory limit", wire(UInt64(1 << 30))),
        ("has weight", [1]),
        ("weight", wire(UInt64(100))),
        ("has quota", [1]),
        ("quota", wire(UInt64(50_000))),
        ("ends with daemon", [1]),
        ("ends descendants", [1]),
        ("has session", [1]),
        ("service", wire("qube")),
        ("authenticates", [0]),
        ("yields", wire(UInt32(1 << 16 | 1 << 7))),
        ("idle time", wire(UInt32(30_000))),
    ])

    /// An order whose job has a terminal.
    static var onTerminal: LaunchOrder {
        var order = order
        order.streamFiles = []
        order.errorFollowsOutput = false
        order.terminal = ChildPlan.TerminalAccess(groupID: 5, mode: [.ownerReadWrite, .groupWrite])
        order.session = SessionOrder(service: [UInt8](repeating: 0x61, count: 64), authenticates: true)
        return order
    }

    /// An order too large for a frame.
    static func large(variables: Int = 1000) -> LaunchOrder {
        var order = order
        order.environment = (0..<variables).map { Array("VARIABLE_\($0)=".utf8) + [UInt8](repeating: 0x61, count: 200) }
        return order
    }

    static let clientMessages: [ClientMessage] = [
        .hello(version: 1), .launch(smallest), .launch(order), .launch(onTerminal), .withdraw,
        .adopt(AdoptionRequest(processID: 1, userID: 0)),
        .adopt(AdoptionRequest(processID: .max, userID: .max - 1)),
        .signal(SignalRequest(signal: SIGTERM, target: .process)),
        .signal(SignalRequest(signal: 1, target: .group)),
        .signal(SignalRequest(signal: 64, target: .tree)),
        .terminate(gracePeriodMilliseconds: 0), .terminate(gracePeriodMilliseconds: .max),
    ]

    static let helperMessages: [HelperMessage] =
        [
            .welcome(Welcome(version: 1, helperProcessID: 1, features: [])),
            .welcome(Welcome(version: .max, helperProcessID: .max, features: .all)),
            .started(StartedReport(processID: 4711, userID: 2001, fellBack: true, startNanoseconds: 400_000)),
            .started(
                StartedReport(
                    processID: 1,
                    userID: .max - 1,
                    fellBack: false,
                    mayGainPrivileges: true,
                    startNanoseconds: 0,
                    controlGroup: "/sys/fs/cgroup/job",
                    adoptionSocket: "/run/job.sock",
                    session: SessionReport(
                        addedGroups: [44, 3005],
                        messages: ["Your password will expire in 4 days.", ""],
                        isShared: true
                    )
                )
            ),
            .started(
                StartedReport(
                    processID: 1,
                    userID: 0,
                    fellBack: false,
                    startNanoseconds: 0,
                    session: SessionReport()
                )
            ),
            .exited(exit(.unknown, 0, nil)),
            .exited(exit(.exited, 255, nil)),
            .exited(exit(.killed, 9, HelperExitReport.GroupPeaks(memoryBytes: 1 << 40, processes: 3))),
            .exited(exit(.dumped, 11, HelperExitReport.GroupPeaks(memoryBytes: nil, processes: nil))),
            .refused(Refusal(reason: "account-not-allowed", message: "alice is not allowed (policy:3)")),
            .refused(Refusal(reason: "x", message: "")),
            .failed(
                FailureReport(
                    code: .accountRefused,
                    step: 71,
                    errno: 0,
                    operationText: "no",
                    verdict: SessionVerdict(
                        code: 7,
                        text: "Authentication failure",
                        hasSeenPassword: true,
                        wasAskedMore: true,
                        messages: ["because"]
                    )
                )
            ),
        ]
        + FailureReport.Code.allCases.map {
            .failed(FailureReport(code: $0, step: 17, errno: 13, operationText: "“/usr/bin/env” cannot be run"))
        }

    private static func exit(
        _ code: HelperExitReport.Ending,
        _ status: Int32,
        _ peaks: HelperExitReport.GroupPeaks?
    ) -> HelperExitReport {
        HelperExitReport(
            code: code,
            status: status,
            wallMicroseconds: 6,
            userMicroseconds: 1,
            systemMicroseconds: .max,
            peakResidentBytes: 3,
            blockInputOperations: 4,
            blockOutputOperations: 5,
            groupPeaks: peaks,
            remainingProcesses: 7
        )
    }

    /// A frame of every message.
    static func frames() throws -> [[UInt8]] {
        try clientMessages.map { try $0.encoded(sequence: 7).bytes }
            + helperMessages.map { try $0.encoded(sequence: .max).bytes }
            + [try ClientMessage.launch(large()).encoded(sequence: 7).bytes]
    }
}
