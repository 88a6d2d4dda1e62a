import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage

extension LaunchOrder {
    /// Reads an order that fills the rest of the bytes.
    ///
    /// - Parameter reader: Where the order begins.
    /// - Throws: What is wrong with it.
    init(from reader: inout ByteReader) throws(FrameError) {
        account = try reader.string("account name", .account)
        credentials = try Self.credentials(from: &reader)
        executables = try reader.list("executables", counts: OrderRules.executables, smallest: 5) {
            reader throws(FrameError) in try reader.path("executable", absolute: false)
        }
        arguments = try reader.list("arguments", counts: OrderRules.arguments, smallest: 4) {
            reader throws(FrameError) in try reader.string("argument", .argument)
        }
        let room = OrderRules.environment(beside: arguments)
        environment = try reader.list("environment", counts: room, smallest: 6) {
            reader throws(FrameError) in try reader.string("environment variable", .variable)
        }
        workingDirectory = try reader.path("working directory", absolute: true)
        fallbackDirectory = try reader.optional("fallback directory") { reader throws(FrameError) in
            try reader.path("fallback directory", absolute: true)
        }
        streamFiles = try Self.streamFiles(from: &reader)
        let following = reader.offset
        errorFollowsOutput = try reader.flag("error follows output")
        try OrderRules.check(errorFollowsOutput: errorFollowsOutput, with: streamFiles, at: following)
        niceness = try reader.number(Int32.self, "niceness", in: OrderRules.niceness)
        fileModeCreationMask = try reader.bits("file mode creation mask", known: OrderRules.modeBits)
        resourceLimits = try Self.resourceLimits(from: &reader)
        noNewPrivileges = try reader.flag("no new privileges")
        emptiesBoundingSet = try reader.flag("empties bounding set")
        let beforeTerminal = reader.offset
        terminal = try reader.optional("terminal") { reader throws(FrameError) in
            let group = try reader.number(UInt32.self, "terminal group", in: OrderRules.ids)
            let mode = try reader.bits("terminal mode", known: OrderRules.terminalModeBits)
            return ChildPlan.TerminalAccess(groupID: group, mode: FilePermissions(rawValue: CInterop.Mode(mode)))
        }
        try OrderRules.check(terminal: terminal, with: streamFiles, at: beforeTerminal)
        startDeadlineMilliseconds = try reader.number(UInt32.self, "start deadline", in: 1...UInt32.max)
        var place: Int32 = 0
        descriptorTargets = try reader.list("descriptor targets", counts: OrderRules.descriptors, smallest: 4) {
            reader throws(FrameError) in
            let start = reader.offset
            let target = try reader.number(Int32.self, "descriptor target")
            try OrderRules.check(target: target, is: place, at: start)
            place += 1
            return target
        }
        treeLimits = try Self.treeLimits(from: &reader)
        endsWithDaemon = try reader.flag("ends with daemon")
        endsDescendants = try reader.flag("ends descendants")
        session = try reader.optional("session") { reader throws(FrameError) in
            SessionOrder(
                service: try reader.string("service", .service),
                authenticates: try reader.flag("authenticates"),
                yields: SessionOrder.Yields(
                    rawValue: try reader.bits("yields", known: SessionOrder.Yields.known)
                ),
                idleMilliseconds: try reader.number(UInt32.self, "idle time")
            )
        }
        try reader.finish()
    }

    private static func credentials(from reader: inout ByteReader) throws(FrameError) -> ChildPlan.Credentials {
        let user = try reader.number(UInt32.self, "user id", in: OrderRules.ids)
        let group = try reader.number(UInt32.self, "group id", in: OrderRules.ids)
        var order = Ascending<UInt32>()
        let groups = try reader.list("groups", counts: OrderRules.groups, smallest: 4) { reader throws(FrameError) in
            let start = reader.offset
            let group = try reader.number(UInt32.self, "supplementary group", in: OrderRules.ids)
            try order.next(group, at: start, "supplementary group")
            return group
        }
        return ChildPlan.Credentials(userID: user, groupID: group, groups: groups)
    }

    private static func streamFiles(from reader: inout ByteReader) throws(FrameError) -> [ChildPlan.StreamFile] {
        var order = Ascending<Int32>()
        return try reader.list("stream files", counts: 0...3, smallest: 13) { reader throws(FrameError) in
            let path = try reader.path("stream file", absolute: false)
            let beforeFlags = reader.offset
            let flags = try reader.bits("stream flags", known: OrderRules.streamFlags)
            try OrderRules.check(streamFlags: flags, at: beforeFlags)
            let start = reader.offset
            let target = try reader.number(Int32.self, "stream target", in: 0...2)
            try order.next(target, at: start, "stream target")
            return ChildPlan.StreamFile(path: path, flags: flags, target: target)
        }
    }

    private static func resourceLimits(from reader: inout ByteReader) throws(FrameError) -> [ChildPlan.Limit] {
        var seen = Set<Int32>()
        return try reader.list("resource limits", counts: OrderRules.resourceCounts, smallest: 13) {
            reader throws(FrameError) in
            let start = reader.offset
            let resource = try reader.number(Int32.self, "resource", in: OrderRules.resources)
            guard seen.insert(resource).inserted else { throw FrameError(.notCanonical, at: start, in: "resource") }
            let soft = try reader.number(UInt64.self, "soft limit")
            let hard = try reader.optional("hard limit") { reader throws(FrameError) in
                try reader.number(UInt64.self, "hard limit")
            }
            return ChildPlan.Limit(resource: resource, soft: soft, hard: hard)
        }
    }

    private static func treeLimits(from reader: inout ByteReader) throws(FrameError) -> ControlGroupLimits {
        let processes = try reader.optional("process limit") { reader throws(FrameError) in
            try reader.number(UInt64.self, "process limit", in: OrderRules.positive)
        }
        let memory = try reader.optional("memory limit") { reader throws(FrameError) in
            try reader.number(UInt64.self, "memory limit", in: OrderRules.positive)
        }
        let weight = try reader.optional("processor weight") { reader throws(FrameError) in
            try reader.number(UInt64.self, "processor weight", in: OrderRules.processorWeights)
        }
        let quota = try reader.optional("processor quota") { reader throws(FrameError) in
            try reader.number(UInt64.self, "processor quota", in: OrderRules.processorQuotas)
        }
        return ControlGroupLimits(
            processes: processes,
            memoryBytes: memory,
            processorWeight: weight,
            processorQuotaMicroseconds: quota
        )
    }
}
