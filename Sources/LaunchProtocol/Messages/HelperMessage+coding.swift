extension HelperMessage {
    private static let processIDs: ClosedRange<Int32> = 1...Int32.max

    /// The largest number the kernel has for an error (`MAX_ERRNO`).
    private static let errorNumbers: ClosedRange<Int32> = 0...4095

    /// How many descriptors go with the message.
    package var descriptorCount: Int {
        if case .started = self { 1 } else { 0 }
    }

    /// Reads a message that fills the body of a frame.
    ///
    /// - Parameters:
    ///   - type: What the header says it is.
    ///   - frame: The whole frame.
    /// - Throws: What is wrong with it.
    init(_ type: FrameType, in frame: [UInt8]) throws(FrameError) {
        var reader = ByteReader(frame, from: FrameHeader.size)
        switch type {
        case .welcome: self = .welcome(try Self.welcome(from: &reader))
        case .started:
            let process = try reader.number(Int32.self, "process id", in: Self.processIDs)
            let user = try reader.number(UInt32.self, "user id", in: OrderRules.ids)
            let fellBack = try reader.flag("fell back")
            let mayGainPrivileges = try reader.flag("may gain privileges")
            let time = try reader.number(UInt64.self, "start time")
            self = .started(
                StartedReport(
                    processID: process,
                    userID: user,
                    fellBack: fellBack,
                    mayGainPrivileges: mayGainPrivileges,
                    startNanoseconds: time,
                    controlGroup: try reader.optional("control group") { reader throws(FrameError) in
                        try reader.path("control group", absolute: true)
                    },
                    adoptionSocket: try reader.optional("adoption socket") { reader throws(FrameError) in
                        try reader.path("adoption socket", absolute: true)
                    },
                    session: try reader.optional("session") { reader throws(FrameError) in
                        try SessionReport(from: &reader)
                    }
                )
            )
        case .failed: self = .failed(try Self.failure(from: &reader))
        case .exited: self = .exited(try Self.exit(from: &reader))
        case .refused:
            let reason = try reader.string("reason", .code)
            let message = try reader.string("message", .message)
            self = .refused(
                Refusal(
                    reason: String(decoding: reason, as: UTF8.self),
                    message: String(decoding: message, as: UTF8.self)
                )
            )
        case .hello, .launch, .largeLaunch, .withdraw, .signal, .terminate, .adopt:
            throw FrameError(.unknownType, at: 6, in: "type")
        }
        try reader.finish()
    }

    func encoded(sequence: UInt64) throws(FrameError) -> EncodedFrame {
        var writer = ByteWriter()
        let type: FrameType
        switch self {
        case .welcome(let welcome):
            type = .welcome
            try writer.number(welcome.version, "version")
            try writer.number(welcome.helperProcessID, "helper process id", in: Self.processIDs)
            try writer.bits(welcome.features.rawValue, "features", known: Welcome.Features.all.rawValue)
        case .started(let report):
            type = .started
            try writer.number(report.processID, "process id", in: Self.processIDs)
            try writer.number(report.userID, "user id", in: OrderRules.ids)
            writer.flag(report.fellBack)
            writer.flag(report.mayGainPrivileges)
            try writer.number(report.startNanoseconds, "start time")
            try writer.optional(report.controlGroup) { writer, path throws(FrameError) in
                try writer.path(path, "control group", absolute: true)
            }
            try writer.optional(report.adoptionSocket) { writer, path throws(FrameError) in
                try writer.path(path, "adoption socket", absolute: true)
            }
            try writer.optional(report.session) { writer, session throws(FrameError) in
                try session.encode(to: &writer)
            }
        case .failed(let report):
            type = .failed
            try writer.number(report.code.rawValue, "failure code")
            try writer.number(report.step, "step")
            try writer.number(report.errno, "error number", in: Self.errorNumbers)
            try writer.string(Array(report.operationText.utf8), "operation text", .message)
            try writer.optional(report.verdict) { writer, verdict throws(FrameError) in
                try verdict.encode(to: &writer)
            }
        case .exited(let report):
            type = .exited
            try Self.encode(report, to: &writer)
        case .refused(let refusal):
            type = .refused
            try writer.string(Array(refusal.reason.utf8), "reason", .code)
            try writer.string(Array(refusal.message.utf8), "message", .message)
        }
        return try EncodedFrame(type, sequence: sequence, descriptorCount: descriptorCount, body: writer.bytes)
    }

    private static func welcome(from reader: inout ByteReader) throws(FrameError) -> Welcome {
        let version = try reader.number(UInt16.self, "version")
        let helper = try reader.number(Int32.self, "helper process id", in: processIDs)
        let features = try reader.bits("features", known: Welcome.Features.all.rawValue)
        return Welcome(version: version, helperProcessID: helper, features: Welcome.Features(rawValue: features))
    }

    private static func failure(from reader: inout ByteReader) throws(FrameError) -> FailureReport {
        let start = reader.offset
        guard let code = FailureReport.Code(rawValue: try reader.number(UInt16.self, "failure code")) else {
            throw FrameError(.unknownValue, at: start, in: "failure code")
        }
        let step = try reader.number(UInt32.self, "step")
        let errno = try reader.number(Int32.self, "error number", in: errorNumbers)
        let text = try reader.string("operation text", .message)
        return FailureReport(
            code: code,
            step: step,
            errno: errno,
            operationText: String(decoding: text, as: UTF8.self),
            verdict: try reader.optional("verdict") { reader throws(FrameError) in try SessionVerdict(from: &reader) }
        )
    }

    private static func statuses(of ending: HelperExitReport.Ending) -> ClosedRange<Int32> {
        switch ending {
        case .unknown: 0...0
        case .exited: 0...255
        case .killed, .dumped: 1...64
        }
    }

    private static func exit(from reader: inout ByteReader) throws(FrameError) -> HelperExitReport {
        let start = reader.offset
        guard let code = HelperExitReport.Ending(rawValue: try reader.number(Int32.self, "exit code")) else {
            throw FrameError(.unknownValue, at: start, in: "exit code")
        }
        let status = try reader.number(Int32.self, "exit status", in: statuses(of: code))
        return HelperExitReport(
            code: code,
            status: status,
            wallMicroseconds: try reader.number(UInt64.self, "wall time"),
            userMicroseconds: try reader.number(UInt64.self, "user time"),
            systemMicroseconds: try reader.number(UInt64.self, "system time"),
            peakResidentBytes: try reader.number(UInt64.self, "peak resident bytes"),
            blockInputOperations: try reader.number(UInt64.self, "block input operations"),
            blockOutputOperations: try reader.number(UInt64.self, "block output operations"),
            groupPeaks: try reader.optional("group peaks") { reader throws(FrameError) in
                HelperExitReport.GroupPeaks(
                    memoryBytes: try reader.optional("memory peak") { reader throws(FrameError) in
                        try reader.number(UInt64.self, "memory peak")
                    },
                    processes: try reader.optional("process peak") { reader throws(FrameError) in
                        try reader.number(UInt64.self, "process peak")
                    }
                )
            },
            remainingProcesses: try reader.number(UInt32.self, "remaining processes")
        )
    }

    private static func encode(_ report: HelperExitReport, to writer: inout ByteWriter) throws(FrameError) {
        try writer.number(report.code.rawValue, "exit code")
        try writer.number(report.status, "exit status", in: statuses(of: report.code))
        try writer.number(report.wallMicroseconds, "wall time")
        try writer.number(report.userMicroseconds, "user time")
        try writer.number(report.systemMicroseconds, "system time")
        try writer.number(report.peakResidentBytes, "peak resident bytes")
        try writer.number(report.blockInputOperations, "block input operations")
        try writer.number(report.blockOutputOperations, "block output operations")
        try writer.optional(report.groupPeaks) { writer, peaks throws(FrameError) in
            try writer.optional(peaks.memoryBytes) { writer, bytes throws(FrameError) in
                try writer.number(bytes, "memory peak")
            }
            try writer.optional(peaks.processes) { writer, count throws(FrameError) in
                try writer.number(count, "process peak")
            }
        }
        try writer.number(report.remainingProcesses, "remaining processes")
    }
}
