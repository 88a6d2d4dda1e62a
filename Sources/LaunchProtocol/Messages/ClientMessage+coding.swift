extension ClientMessage {
    private static let signals: ClosedRange<Int32> = 1...64
    private static let processIDs: ClosedRange<Int32> = 1...Int32.max

    /// How many descriptors go with the message.
    package var descriptorCount: Int {
        if case .launch(let order) = self { order.descriptorCount } else { 0 }
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
        case .hello: self = .hello(version: try reader.number(UInt16.self, "version"))
        case .launch: self = .launch(try LaunchOrder(from: &reader))
        case .adopt:
            let process = try reader.number(Int32.self, "process id", in: Self.processIDs)
            let user = try reader.number(UInt32.self, "user id", in: OrderRules.ids)
            self = .adopt(AdoptionRequest(processID: process, userID: user))
        case .withdraw: self = .withdraw
        case .signal:
            let signal = try reader.number(Int32.self, "signal", in: Self.signals)
            let start = reader.offset
            guard let target = SignalRequest.Target(rawValue: try reader.number(UInt8.self, "signal target")) else {
                throw FrameError(.unknownValue, at: start, in: "signal target")
            }
            self = .signal(SignalRequest(signal: signal, target: target))
        case .terminate:
            self = .terminate(gracePeriodMilliseconds: try reader.number(UInt32.self, "grace period"))
        case .largeLaunch, .welcome, .started, .failed, .exited, .refused:
            throw FrameError(.unknownType, at: 6, in: "type")
        }
        try reader.finish()
    }

    /// Reads how large a launch is that came in a memory file.
    static func sizeOfLargeLaunch(_ frame: [UInt8]) throws(FrameError) -> Int {
        var reader = ByteReader(frame, from: FrameHeader.size)
        let size = try reader.number(UInt32.self, "launch size", in: 1...UInt32(ProtocolLimits.largeLaunchSize))
        try reader.finish()
        return Int(size)
    }

    func encoded(sequence: UInt64) throws(FrameError) -> EncodedFrame {
        var writer = ByteWriter()
        switch self {
        case .hello(let version):
            try writer.number(version, "version")
            return try EncodedFrame(.hello, sequence: sequence, body: writer.bytes)
        case .launch(let order):
            return try Self.encoded(order, sequence: sequence, descriptorCount: descriptorCount)
        case .adopt(let request):
            try writer.number(request.processID, "process id", in: Self.processIDs)
            try writer.number(request.userID, "user id", in: OrderRules.ids)
            return try EncodedFrame(.adopt, sequence: sequence, body: writer.bytes)
        case .withdraw:
            return try EncodedFrame(.withdraw, sequence: sequence, body: [])
        case .signal(let request):
            try writer.number(request.signal, "signal", in: Self.signals)
            try writer.number(request.target.rawValue, "signal target")
            return try EncodedFrame(.signal, sequence: sequence, body: writer.bytes)
        case .terminate(let gracePeriod):
            try writer.number(gracePeriod, "grace period")
            return try EncodedFrame(.terminate, sequence: sequence, body: writer.bytes)
        }
    }

    private static func encoded(
        _ order: LaunchOrder,
        sequence: UInt64,
        descriptorCount: Int
    ) throws(FrameError) -> EncodedFrame {
        let body = try order.encoded()
        guard body.count > FrameHeader.largestBody else {
            return try EncodedFrame(.launch, sequence: sequence, descriptorCount: descriptorCount, body: body)
        }
        var writer = ByteWriter()
        try writer.number(body.count, "launch size", in: 1...ProtocolLimits.largeLaunchSize, as: UInt32.self)
        return try EncodedFrame(
            .largeLaunch,
            sequence: sequence,
            descriptorCount: descriptorCount,
            body: writer.bytes,
            sealed: body
        )
    }
}

extension LaunchOrder {
    /// Reads an order that is all there is.
    ///
    /// - Parameter bytes: Bytes that nobody else can change.
    /// - Throws: What is wrong with them.
    package init(decoding bytes: [UInt8]) throws(FrameError) {
        var reader = ByteReader(bytes)
        try self.init(from: &reader)
    }

    /// Writes the order alone.
    ///
    /// - Returns: Its bytes.
    /// - Throws: What the helper would refuse to read.
    package func encoded() throws(FrameError) -> [UInt8] {
        var writer = ByteWriter()
        try encode(to: &writer)
        return writer.bytes
    }
}
