import CLaunchPlan
import FalseKernel
import Glibc
import LaunchPlan
import SystemPackage

/// Plans and orders as daemons make them.
enum PlanSamples {
    private static let account = ChildPlan.Credentials(
        userID: FALSE_ACCOUNT,
        groupID: FALSE_ACCOUNT,
        groups: [FALSE_ACCOUNT, FALSE_OTHER_GROUP]
    )

    private static func facts(_ id: UInt32) -> DaemonFacts {
        DaemonFacts(
            userID: id,
            groupID: id,
            limits: [:],
            isProtectedFromOutOfMemory: true,
            mayEmptyBoundingSet: id == 0
        )
    }

    private static func plan(_ program: FilePath, streamFiles: [ChildPlan.StreamFile] = []) -> ChildPlan {
        ChildPlan(
            executables: ["/absent/id", program],
            workingDirectory: "/absent",
            fallbackDirectory: "/",
            streamFiles: streamFiles,
            errorFollowsOutput: true,
            niceness: 5,
            fileModeCreationMask: [.groupWrite, .otherWrite],
            resourceLimits: [ChildPlan.Limit(resource: 7, soft: 64, hard: 128)],
            noNewPrivileges: true,
            emptiesBoundingSet: true,
            parent: ChildPlan.Parent(processID: FALSE_PARENT, endSignal: SIGKILL)
        )
    }

    /// Each behind who it begins as.
    static func plans() throws -> [[UInt8]] {
        let child = plan(
            FilePath(FALSE_PROGRAM),
            streamFiles: [ChildPlan.StreamFile(path: "/log", flags: O_WRONLY, target: 1)]
        )
        let root = UInt8(FALSE_BEGINS_AS_ROOT.rawValue)
        let helper = UInt8(FALSE_BEGINS_WITH_TWO_CAPABILITIES.rawValue)
        let own = UInt8(FALSE_BEGINS_AS_ACCOUNT.rawValue)
        var all: [(UInt8, [ChildOperation], EncodedPlan.Kind)] = [
            (root, child.isolated(as: account, from: facts(0)), .isolated),
            (helper, child.isolated(as: account, from: facts(FALSE_HELPER)), .isolated),
            (root, child.direct(as: account, from: facts(0), descriptors: []), .direct),
            (own, child.keepingAccount(account, from: facts(FALSE_ACCOUNT)), .keepAccount),
            (own, child.switched(to: account, from: facts(FALSE_HELPER)), .switched),
        ]
        // Switched already, and as root: one changed number away from what may never be.
        all.append((UInt8(FALSE_BEGINS_AS_BARE_ROOT.rawValue), all[3].1, .keepAccount))
        return try all.map { [$0.0] + (try EncodedPlan($0.1, kind: $0.2).bytes) }
    }

    /// Each behind what sudo was asked to run.
    static func orders() throws -> [[UInt8]] {
        let steps = plan(FilePath(FALSE_PROGRAM)).switched(to: account, from: facts(FALSE_HELPER))
        var named = steps
        named.removeLast()
        named.append(.execute([FilePath(FALSE_PROGRAM)]))
        return try [
            order(FALSE_MODE_RUN, named, ["id"], environment: ["A=b", "LD_PRELOAD=/tmp/x.so"]),
            order(FALSE_MODE_RESTRICTED, named, ["sh"], environment: ["LD_PRELOAD=/tmp/x.so"]),
            order(
                FALSE_MODE_SESSION,
                steps,
                ["id", "-u"],
                environment: ["HOME=/tmp"],
                flags: LAUNCH_ORDER_BRINGS_ARGUMENTS.rawValue | LAUNCH_ORDER_KEEPS_ENVIRONMENT.rawValue
            ),
        ]
    }

    private static func order(
        _ mode: false_mode,
        _ steps: [ChildOperation],
        _ arguments: [String],
        environment: [String],
        flags: UInt32 = 0
    ) throws -> [UInt8] {
        let plan = try EncodedPlan(steps, kind: .switched).bytes
        let strings = (arguments + environment).flatMap { text -> [UInt8] in Array(text.utf8) + [0] }
        let order = launch_order(
            magic: LAUNCH_ORDER_MAGIC,
            version: LAUNCH_ORDER_VERSION,
            flags: flags,
            descriptor_count: UInt32(LAUNCH_ORDER_OWN_DESCRIPTORS) + 3,
            plan_size: UInt64(plan.count),
            strings_size: UInt64(strings.count),
            argument_count: UInt32(arguments.count),
            environment_count: UInt32(environment.count)
        )
        let head = unsafe withUnsafeBytes(of: order) { unsafe [UInt8]($0) }
        return [UInt8(mode.rawValue)] + head + plan + strings
    }

    /// What became of a plan behind who it begins as.
    static func result(ofPlan bytes: [UInt8]) -> Outcome {
        let beginning = UInt32(bytes.first ?? 0) % UInt32(FALSE_BEGINNINGS.rawValue)
        var plan = Array(bytes.dropFirst())
        // Who interprets it looks at its size first, so that it is what it says here.
        if plan.count >= 12 {
            unsafe withUnsafeBytes(of: UInt32(plan.count)) { unsafe plan.replaceSubrange(8..<12, with: $0) }
        }
        return unsafe Outcome(false_plan(plan, plan.count, beginning))
    }

    /// What became of an order behind what sudo was asked to run.
    static func result(ofOrder bytes: [UInt8]) -> Outcome {
        let mode = UInt32(bytes.first ?? 0) % UInt32(FALSE_MODES.rawValue)
        let order = Array(bytes.dropFirst())
        return unsafe Outcome(false_order(order, order.count, mode))
    }

    /// What became of a plan or an order.
    struct Outcome {
        /// What may never happen and has.
        let complaint: String?
        let becameJob: Bool
        /// The step that failed otherwise, and with which error number.
        let step: UInt32
        let error: Int32

        init(_ result: false_result) {
            complaint = unsafe result.complaint.map { unsafe String(cString: $0) }
            becameJob = unsafe result.became_job != 0
            step = unsafe result.step
            error = unsafe result.error
        }
    }
}
