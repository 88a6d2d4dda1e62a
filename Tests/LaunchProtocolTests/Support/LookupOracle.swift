import NameLookup
import SystemPackage

@testable import LaunchProtocol

/// What holds for all bytes between the library and the lookup process, which may have been taken over by what it has asked.
enum LookupOracle {
    /// The number of the question that is answered.
    static let number: UInt64 = 9

    /// What there may be, each message behind its size in two bytes.
    static func samples() throws -> [[UInt8]] {
        let entry = PasswdEntry(
            name: #"MYCORP\some user"#,
            userID: UserID(rawValue: 11_103),
            groupID: GroupID(rawValue: 10_513),
            homeDirectory: "/home/some user",
            shell: "/bin/sh"
        )
        let answers: [LookupAnswer] = [
            .passwd(entry), .group(GroupEntry(name: "wheel", groupID: GroupID(rawValue: 10))), .absent, .failed(-5),
            .tooLarge, .undecodable(.groupName), .groups((0..<20).map { GroupID(rawValue: $0) }),
        ]
        let questions: [LookupQuestion] = [
            .passwdByName("alice"), .passwdByID(7), .groupByName("wheel"), .groups(of: "alice", primary: 7),
            .reach,
        ]
        var all = try answers.map { try joined($0.encoded(number: number)) }
        all += try questions.map { joined([try $0.encoded(number: 77, milliseconds: 5_000)]) }
        // Parts as small as the reader takes them.
        let parts = try (0..<3)
            .map { first -> [UInt8] in
                var writer = ByteWriter()
                try LookupHeader(.groupList, number: number).encode(to: &writer)
                try writer.number(3, "count of groups", in: 0...3, as: UInt32.self)
                try writer.number(first, "first group", in: 0...3, as: UInt32.self)
                try writer.list([UInt32(first)], "groups", counts: 0...1) { writer, group throws(FrameError) in
                    try writer.number(group, "group")
                }
                return writer.bytes
            }
        return all + [joined(parts), joined([try LookupAnswer.ready()])]
    }

    private static func joined(_ messages: [[UInt8]]) -> [UInt8] {
        messages.flatMap { [UInt8(truncatingIfNeeded: $0.count), UInt8(truncatingIfNeeded: $0.count >> 8)] + $0 }
    }

    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        var messages: [[UInt8]] = []
        var rest = bytes[...]
        while let low = rest.popFirst(), let high = rest.popFirst() {
            messages.append(Array(rest.prefix(Int(high) << 8 | Int(low))))
            rest = rest.dropFirst(Int(high) << 8 | Int(low))
        }
        return messages.lazy.compactMap { question($0) ?? ready($0) }.first ?? answer(messages)
    }

    private static func question(_ message: [UInt8]) -> String? {
        do throws(FrameError) {
            let (question, number, milliseconds) = try LookupQuestion.decode(message)
            guard let again = try? question.encoded(number: number, milliseconds: milliseconds) else {
                return "a question is read that cannot be asked: \(question)"
            }
            return again == message ? nil : "a question is written in another way than it was read: \(question)"
        } catch {
            return place(error, message)
        }
    }

    private static func ready(_ message: [UInt8]) -> String? {
        do throws(FrameError) {
            try LookupAnswer.checkReady(message)
            return try message == LookupAnswer.ready() ? nil : "another message says that questions are taken"
        } catch {
            return place(error, message)
        }
    }

    private static func answer(_ messages: [[UInt8]]) -> String? {
        var reader = LookupAnswerReader(number: number)
        for (count, message) in messages.enumerated() {
            do throws(FrameError) {
                guard let answer = try reader.take(message) else {
                    guard count < ProtocolLimits.groups else { return "an answer has no end" }
                    continue
                }
                return again(answer, count == 0 ? message : nil)
            } catch {
                return place(error, message)
            }
        }
        return nil
    }

    /// What is read is what the lookup process would write; paths alone have two spellings.
    private static func again(_ answer: LookupAnswer, _ message: [UInt8]?) -> String? {
        if case .groups(let groups) = answer, groups.count > ProtocolLimits.groups { return "too many groups" }
        guard let written = try? answer.encoded(number: number) else { return "is read, but not written: \(answer)" }
        var reader = LookupAnswerReader(number: number)
        var read: LookupAnswer?
        for message in written { read = (try? reader.take(message)) ?? nil }
        guard read == answer else { return "is written as another answer: \(answer)" }
        if case .passwd = answer { return nil }
        guard let message else { return nil }
        return written == [message] ? nil : "is written in another way than it was read: \(answer)"
    }

    private static func place(_ error: FrameError, _ message: [UInt8]) -> String? {
        (0...message.count).contains(error.offset)
            ? nil : "\(error.code) at \(error.offset) of \(message.count) bytes"
    }
}
