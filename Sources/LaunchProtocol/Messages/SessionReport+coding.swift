extension SessionReport {
    init(from reader: inout ByteReader) throws(FrameError) {
        var order = Ascending<UInt32>()
        addedGroups = try reader.list("added groups", counts: OrderRules.groups, smallest: 4) {
            reader throws(FrameError) in
            let start = reader.offset
            let group = try reader.number(UInt32.self, "added group", in: OrderRules.ids)
            try order.next(group, at: start, "added group")
            return group
        }
        messages = try reader.sessionMessages()
        isShared = try reader.flag("is shared")
    }

    func encode(to writer: inout ByteWriter) throws(FrameError) {
        var order = Ascending<UInt32>()
        try writer.list(addedGroups, "added groups", counts: OrderRules.groups) { writer, group throws(FrameError) in
            try order.next(group, at: writer.offset, "added group")
            try writer.number(group, "added group", in: OrderRules.ids)
        }
        try writer.sessionMessages(messages)
        writer.flag(isShared)
    }
}

extension SessionVerdict {
    /// As many codes as a byte has: PAM has thirty.
    private static let codes: ClosedRange<Int32> = 0...255

    init(from reader: inout ByteReader) throws(FrameError) {
        code = try reader.number(Int32.self, "PAM code", in: Self.codes)
        text = String(decoding: try reader.string("PAM text", .message), as: UTF8.self)
        hasSeenPassword = try reader.flag("has seen password")
        wasAskedMore = try reader.flag("was asked more")
        messages = try reader.sessionMessages()
    }

    func encode(to writer: inout ByteWriter) throws(FrameError) {
        try writer.number(code, "PAM code", in: Self.codes)
        try writer.string(Array(text.utf8), "PAM text", .message)
        writer.flag(hasSeenPassword)
        writer.flag(wasAskedMore)
        try writer.sessionMessages(messages)
    }
}

extension ByteReader {
    fileprivate mutating func sessionMessages() throws(FrameError) -> [String] {
        try list("session messages", counts: 0...ProtocolLimits.sessionMessages, smallest: 4) {
            reader throws(FrameError) in
            String(decoding: try reader.string("session message", .message), as: UTF8.self)
        }
    }
}

extension ByteWriter {
    fileprivate mutating func sessionMessages(_ messages: [String]) throws(FrameError) {
        try list(messages, "session messages", counts: 0...ProtocolLimits.sessionMessages) {
            writer,
            message throws(FrameError) in try writer.string(Array(message.utf8), "session message", .message)
        }
    }
}
