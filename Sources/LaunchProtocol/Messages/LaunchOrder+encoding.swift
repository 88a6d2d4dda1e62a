import Glibc
import LaunchPlan
import SystemPackage

extension LaunchOrder {
    /// Writes the order.
    ///
    /// - Parameter writer: Where it begins.
    /// - Throws: What the helper would refuse to read.
    func encode(to writer: inout ByteWriter) throws(FrameError) {
        try writer.string(account, "account name", .account)
        try encodeCredentials(to: &writer)
        try writer.list(executables, "executables", counts: OrderRules.executables) {
            writer,
            path throws(FrameError) in try writer.path(path, "executable", absolute: false)
        }
        try writer.list(arguments, "arguments", counts: OrderRules.arguments) {
            writer,
            argument throws(FrameError) in try writer.string(argument, "argument", .argument)
        }
        try writer.list(environment, "environment", counts: OrderRules.environment(beside: arguments)) {
            writer,
            variable throws(FrameError) in try writer.string(variable, "environment variable", .variable)
        }
        try writer.path(workingDirectory, "working directory", absolute: true)
        try writer.optional(fallbackDirectory) { writer, path throws(FrameError) in
            try writer.path(path, "fallback directory", absolute: true)
        }
        try encodeStreamFiles(to: &writer)
        try OrderRules.check(errorFollowsOutput: errorFollowsOutput, with: streamFiles, at: writer.offset)
        writer.flag(errorFollowsOutput)
        try writer.number(niceness, "niceness", in: OrderRules.niceness)
        try writer.bits(fileModeCreationMask, "file mode creation mask", known: OrderRules.modeBits)
        try encodeResourceLimits(to: &writer)
        writer.flag(noNewPrivileges)
        writer.flag(emptiesBoundingSet)
        try OrderRules.check(terminal: terminal, with: streamFiles, at: writer.offset)
        try writer.optional(terminal) { writer, access throws(FrameError) in
            try writer.number(access.groupID, "terminal group", in: OrderRules.ids)
            let mode = UInt16(truncatingIfNeeded: access.mode.rawValue)
            try writer.bits(mode, "terminal mode", known: OrderRules.terminalModeBits)
        }
        try writer.number(startDeadlineMilliseconds, "start deadline", in: 1...UInt32.max)
        var place: Int32 = 0
        try writer.list(descriptorTargets, "descriptor targets", counts: OrderRules.descriptors) {
            writer,
            target throws(FrameError) in
            try OrderRules.check(target: target, is: place, at: writer.offset)
            place += 1
            try writer.number(target, "descriptor target")
        }
        try encodeTreeLimits(to: &writer)
        writer.flag(endsWithDaemon)
        writer.flag(endsDescendants)
        try writer.optional(session) { writer, session throws(FrameError) in
            try writer.string(session.service, "service", .service)
            writer.flag(session.authenticates)
            try writer.bits(session.yields.rawValue, "yields", known: SessionOrder.Yields.known)
            try writer.number(session.idleMilliseconds, "idle time")
        }
    }

    private func encodeCredentials(to writer: inout ByteWriter) throws(FrameError) {
        try writer.number(credentials.userID, "user id", in: OrderRules.ids)
        try writer.number(credentials.groupID, "group id", in: OrderRules.ids)
        var order = Ascending<UInt32>()
        try writer.list(credentials.groups, "groups", counts: OrderRules.groups) { writer, group throws(FrameError) in
            try order.next(group, at: writer.offset, "supplementary group")
            try writer.number(group, "supplementary group", in: OrderRules.ids)
        }
    }

    private func encodeStreamFiles(to writer: inout ByteWriter) throws(FrameError) {
        var order = Ascending<Int32>()
        try writer.list(streamFiles, "stream files", counts: 0...3) { writer, file throws(FrameError) in
            try writer.path(file.path, "stream file", absolute: false)
            try OrderRules.check(streamFlags: file.flags, at: writer.offset)
            try writer.bits(file.flags, "stream flags", known: OrderRules.streamFlags)
            try order.next(file.target, at: writer.offset, "stream target")
            try writer.number(file.target, "stream target", in: 0...2)
        }
    }

    private func encodeResourceLimits(to writer: inout ByteWriter) throws(FrameError) {
        var seen = Set<Int32>()
        try writer.list(resourceLimits, "resource limits", counts: OrderRules.resourceCounts) {
            writer,
            limit throws(FrameError) in
            guard seen.insert(limit.resource).inserted else {
                throw FrameError(.notCanonical, at: writer.offset, in: "resource")
            }
            try writer.number(limit.resource, "resource", in: OrderRules.resources)
            try writer.number(limit.soft, "soft limit")
            try writer.optional(limit.hard) { writer, hard throws(FrameError) in
                try writer.number(hard, "hard limit")
            }
        }
    }

    private func encodeTreeLimits(to writer: inout ByteWriter) throws(FrameError) {
        try writer.optional(treeLimits.processes) { writer, count throws(FrameError) in
            try writer.number(count, "process limit", in: OrderRules.positive)
        }
        try writer.optional(treeLimits.memoryBytes) { writer, bytes throws(FrameError) in
            try writer.number(bytes, "memory limit", in: OrderRules.positive)
        }
        try writer.optional(treeLimits.processorWeight) { writer, weight throws(FrameError) in
            try writer.number(weight, "processor weight", in: OrderRules.processorWeights)
        }
        try writer.optional(treeLimits.processorQuotaMicroseconds) { writer, quota throws(FrameError) in
            try writer.number(quota, "processor quota", in: OrderRules.processorQuotas)
        }
    }
}
