import NameLookup
import SystemPackage
import Testing

@testable import LaunchProtocol

@Suite("Messages between the library and the lookup process")
struct LookupFrameTests {
    static let questions: [LookupQuestion] = [
        .passwdByName("alice"), .passwdByName(#"MYCORP\some user"#), .passwdByName("ä"), .passwdByID(0),
        .passwdByID(.max),
        .groupByName("wheel"), .groups(of: "alice", primary: 7), .reach,
        .passwdByName(String(repeating: "x", count: LookupAnswer.largestText)),
    ]

    static let answers: [LookupAnswer] = [
        .passwd(
            PasswdEntry(
                name: "alice",
                userID: UserID(rawValue: 1),
                groupID: GroupID(rawValue: .max),
                homeDirectory: "/home/alice",
                shell: ""
            )
        ),
        .group(GroupEntry(name: "wheel", groupID: GroupID(rawValue: 10))), .absent, .failed(-5), .failed(1_432_158_245),
        .tooLarge, .undecodable(.accountName), .undecodable(.groupName), .groups([]),
        .groups([GroupID(rawValue: 0)]),
        .groups((0..<8_193).map { GroupID(rawValue: $0) }), .groups((0..<65_536).map { GroupID(rawValue: $0) }),
    ]

    private func read(_ messages: [[UInt8]], number: UInt64 = 9) throws -> LookupAnswer? {
        var reader = LookupAnswerReader(number: number)
        var answer: LookupAnswer?
        for message in messages {
            #expect(answer == nil, "nothing comes behind the last part")
            answer = try reader.take(message)
        }
        return answer
    }

    @Test("a question arrives as it was asked", arguments: questions)
    func roundTrip(question: LookupQuestion) throws {
        let (read, number, milliseconds) = try LookupQuestion.decode(question.encoded(number: 77, milliseconds: 5_000))
        #expect(read == question)
        #expect(number == 77)
        #expect(milliseconds == 5_000)
    }

    @Test("an answer arrives as it was given, up to every group that a process can have", arguments: answers)
    func roundTrip(answer: LookupAnswer) throws {
        let messages = try answer.encoded(number: 9)
        #expect(messages.allSatisfy { $0.count <= ProtocolLimits.frameSize })
        #expect(try read(messages) == answer)
    }

    @Test("no more groups than that are sent or taken")
    func tooManyGroups() throws {
        let groups = (0..<65_537).map { GroupID(rawValue: $0) }
        #expect(throws: FrameError.self) { try LookupAnswer.groups(groups).encoded(number: 9) }
    }

    @Test("a name that is empty, too long or has a zero byte is no question", arguments: ["", "a\0b"])
    func names(name: String) {
        #expect(throws: FrameError.self) { try LookupQuestion.passwdByName(name).encoded(number: 1, milliseconds: 1) }
        let long = String(repeating: "x", count: LookupAnswer.largestText + 1)
        #expect(throws: FrameError.self) { try LookupQuestion.groupByName(long).encoded(number: 1, milliseconds: 1) }
    }

    @Test("a message that is cut off anywhere, or has a byte too many, is none")
    func lengths() throws {
        for question in Self.questions.prefix(8) {
            let bytes = try question.encoded(number: 1, milliseconds: 1)
            for end in bytes.indices {
                #expect(throws: FrameError.self) { try LookupQuestion.decode(Array(bytes[..<end])) }
            }
            #expect(throws: FrameError.self) { try LookupQuestion.decode(bytes + [0]) }
        }
        for answer in Self.answers.prefix(10) {
            let bytes = try answer.encoded(number: 9)[0]
            for end in bytes.indices {
                #expect(throws: FrameError.self) { try read([Array(bytes[..<end])]) }
            }
            #expect(throws: FrameError.self) { try read([bytes + [0]]) }
        }
    }

    @Test("a byte that was changed is noticed, or changes what was said and nothing else")
    func damage() throws {
        for answer in Self.answers.prefix(10) {
            let bytes = try answer.encoded(number: 9)[0]
            for index in bytes.indices {
                for value in [0, 1, 0x7F, 0xFF] as [UInt8] {
                    var damaged = bytes
                    damaged[index] = value
                    _ = try? read([damaged])
                    // The first sixteen bytes say what it is, and nothing of them is free but the kind.
                    guard index < 16, !(6...7).contains(index), value != bytes[index] else { continue }
                    #expect(throws: FrameError.self) { try read([damaged]) }
                }
            }
        }
    }

    @Test("an answer to another question, or a part of a list out of its place, is none")
    func order() throws {
        #expect(throws: FrameError.self) { try read(try LookupAnswer.absent.encoded(number: 8)) }
        let parts = try LookupAnswer.groups((0..<20_000).map { GroupID(rawValue: $0) }).encoded(number: 9)
        #expect(parts.count == 3)
        #expect(try read(Array(parts.prefix(2))) == nil)
        #expect(throws: FrameError.self) { try read([parts[1]]) }
        #expect(throws: FrameError.self) { try read([parts[0], parts[2]]) }
        #expect(throws: FrameError.self) { try read([parts[0], parts[0]]) }
        #expect(throws: FrameError.self) { try read([parts[0]] + LookupAnswer.absent.encoded(number: 9)) }
        let other = try LookupAnswer.groups((0..<19_000).map { GroupID(rawValue: $0) }).encoded(number: 9)
        #expect(throws: FrameError.self) { try read([parts[0], other[1]]) }
    }

    @Test("the first message is one of this version, and no answer")
    func ready() throws {
        let ready = try LookupAnswer.ready()
        try LookupAnswer.checkReady(ready)
        #expect(throws: FrameError.self) { try read([ready]) }
        #expect(throws: FrameError.self) { try LookupAnswer.checkReady(ready + [0]) }
        #expect(throws: FrameError.self) { try LookupAnswer.checkReady(LookupAnswer.absent.encoded(number: 0)[0]) }
        var newer = ready
        newer[4] = 2
        let error = #expect(throws: FrameError.self) { try LookupAnswer.checkReady(newer) }
        #expect(error?.code == .unsupportedVersion)
        #expect(throws: FrameError.self) { try LookupQuestion.decode(ready) }
    }
}
