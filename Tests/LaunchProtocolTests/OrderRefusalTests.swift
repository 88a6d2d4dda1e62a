import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import LaunchProtocol

@Suite("An order that is refused")
struct OrderRefusalTests {
    /// A field of the order, what stands there instead, and what is said about it.
    struct Case: Sendable, CustomTestStringConvertible {
        let field: String
        let bytes: [UInt8]
        let code: FrameError.Code
        let named: String

        init(_ field: String, _ bytes: [UInt8], _ code: FrameError.Code, _ named: String) {
            self.field = field
            self.bytes = bytes
            self.code = code
            self.named = named
        }

        var testDescription: String { "\(field): \(code)" }
    }

    static let cases: [Case] = [
        Case("account name", wire(""), .tooSmall, "account name"),
        Case("account name", wire(String(repeating: "a", count: 513)), .tooLarge, "account name"),
        Case("account name", wire("al\0ce"), .zeroByte, "account name"),
        Case("account name", wire(UInt32.max), .tooLarge, "account name"),
        Case("user id", wire(UInt32.max), .tooLarge, "user id"),
        Case("group id", wire(UInt32.max), .tooLarge, "group id"),
        Case("groups", wire(UInt32(65_537)), .tooLarge, "groups"),
        Case("groups", wire(UInt32(60_000)), .truncated, "groups"),
        Case("second group", wire(UInt32.max), .tooLarge, "supplementary group"),
        Case("second group", wire(UInt32(4)), .notCanonical, "supplementary group"),
        Case("second group", wire(UInt32(3)), .notCanonical, "supplementary group"),
        Case("executables", wire(UInt32(0)), .tooSmall, "executables"),
        Case("executables", wire(UInt32(257)), .tooLarge, "executables"),
        Case("executables", wire(UInt32(256)), .truncated, "executables"),
        Case("first executable", wire(""), .tooSmall, "executable"),
        Case("first executable", wire("/usr//bin/env"), .notCanonical, "executable"),
        Case("first executable", wire("/usr/bin/env/"), .notCanonical, "executable"),
        Case("second executable", wire("/bin/\0"), .zeroByte, "executable"),
        Case("second executable", wire("/" + String(repeating: "a", count: 4095)), .tooLarge, "executable"),
        Case("arguments", wire(UInt32(0)), .tooSmall, "arguments"),
        Case("arguments", wire(UInt32.max), .tooLarge, "arguments"),
        Case("arguments", wire(UInt32(700_000)), .truncated, "arguments"),
        Case("first argument", wire("e\0v"), .zeroByte, "argument"),
        Case("first argument", wire(UInt32(131_072)), .tooLarge, "argument"),
        Case("first argument", wire(UInt32(131_071)), .truncated, "argument"),
        Case("environment", wire(UInt32(700_001)), .tooLarge, "environment"),
        Case("first variable", wire("A"), .tooSmall, "environment variable"),
        Case("first variable", wire("=A"), .invalidText, "environment variable"),
        Case("first variable", wire("=A=B"), .invalidText, "environment variable"),
        Case("second variable", wire("NAME"), .invalidText, "environment variable"),
        Case("second variable", wire("A=\0"), .zeroByte, "environment variable"),
        Case("working directory", wire("home"), .relativePath, "working directory"),
        Case("working directory", wire("//"), .notCanonical, "working directory"),
        Case("has fallback", [2], .unknownValue, "fallback directory"),
        Case("fallback directory", wire("."), .relativePath, "fallback directory"),
        Case("stream files", wire(UInt32(4)), .tooLarge, "stream files"),
        Case("first flags", wire(Int32(0o40000)), .unknownValue, "stream flags"),
        Case("first flags", wire(Int32(3)), .unknownValue, "stream flags"),
        Case("first flags", wire(Int32(-1)), .unknownValue, "stream flags"),
        Case("first target", wire(Int32(-1)), .tooSmall, "stream target"),
        Case("first target", wire(Int32(3)), .tooLarge, "stream target"),
        Case("second target", wire(Int32(0)), .notCanonical, "stream target"),
        Case("error follows output", [0xFF], .unknownValue, "error follows output"),
        Case("niceness", wire(Int32(-21)), .tooSmall, "niceness"),
        Case("niceness", wire(Int32(20)), .tooLarge, "niceness"),
        Case("mask", wire(UInt16(0o1000)), .unknownValue, "file mode creation mask"),
        Case("resource limits", wire(UInt32(17)), .tooLarge, "resource limits"),
        Case("first resource", wire(Int32(16)), .tooLarge, "resource"),
        Case("first resource", wire(Int32(-1)), .tooSmall, "resource"),
        Case("second resource", wire(Int32(7)), .notCanonical, "resource"),
        Case("first has hard", [3], .unknownValue, "hard limit"),
        Case("no new privileges", [2], .unknownValue, "no new privileges"),
        Case("empties bounding set", [2], .unknownValue, "empties bounding set"),
        Case("has terminal", [2], .unknownValue, "terminal"),
        // Its streams are files.
        Case("has terminal", [1] + wire(UInt32(5)) + wire(UInt16(0o620)), .contradiction, "terminal"),
        Case("start deadline", wire(UInt32(0)), .tooSmall, "start deadline"),
        Case("descriptor targets", wire(UInt32(2)), .tooSmall, "descriptor targets"),
        Case("descriptor targets", wire(UInt32(68)), .tooLarge, "descriptor targets"),
        Case("place 0", wire(Int32(1)), .notCanonical, "descriptor target"),
        Case("place 1", wire(Int32(0)), .notCanonical, "descriptor target"),
        Case("place 3", wire(Int32(2)), .notCanonical, "descriptor target"),
        Case("place 3", wire(Int32(4)), .notCanonical, "descriptor target"),
        Case("place 3", wire(Int32(-1)), .notCanonical, "descriptor target"),
        Case("process limit", wire(UInt64(0)), .tooSmall, "process limit"),
        Case("memory limit", wire(UInt64(0)), .tooSmall, "memory limit"),
        Case("weight", wire(UInt64(0)), .tooSmall, "processor weight"),
        Case("weight", wire(UInt64(10_001)), .tooLarge, "processor weight"),
        Case("has quota", [2], .unknownValue, "processor quota"),
        Case("quota", wire(UInt64(999)), .tooSmall, "processor quota"),
        Case("quota", wire(UInt64(1) << 44), .tooLarge, "processor quota"),
        Case("ends with daemon", [2], .unknownValue, "ends with daemon"),
        Case("ends descendants", [2], .unknownValue, "ends descendants"),
        Case("has session", [2], .unknownValue, "session"),
        Case("service", wire(""), .tooSmall, "service"),
        Case("service", wire("../x"), .invalidText, "service"),
        Case("service", wire("Qube"), .invalidText, "service"),
        Case("authenticates", [2], .unknownValue, "authenticates"),
        Case("yields", wire(UInt32(1 << 18)), .unknownValue, "yields"),
    ]

    @Test("says which field and where it begins", arguments: cases)
    func decoding(_ refused: Case) throws {
        let bytes = Samples.orderBytes.replacing(refused.field, with: refused.bytes)
        let offset = try #require(bytes.offset(of: refused.field))
        #expect(throws: FrameError(refused.code, at: offset, in: refused.named)) {
            try LaunchOrder(decoding: bytes.bytes)
        }
    }

    @Test("says in a frame where it begins in the frame", arguments: cases)
    func decodingInFrame(_ refused: Case) throws {
        let bytes = Samples.orderBytes.replacing(refused.field, with: refused.bytes)
        let offset = try #require(bytes.offset(of: refused.field)) + FrameHeader.size
        #expect(throws: FrameError(refused.code, at: offset, in: refused.named)) {
            try ClientMessage(.launch, in: frame(2, descriptors: 4, bytes.bytes))
        }
    }

    @Test("allows a terminal no more than the interpreter of the plan does")
    func terminal() throws {
        var order = Samples.onTerminal
        let whole = try order.encoded()
        order.terminal = nil
        let without = try order.encoded()
        let start = try #require(zip(whole, without).enumerated().first { $1.0 != $1.1 }?.offset)
        for mode: UInt16 in [0o622, 0o660, 0o700, 0o4620] {
            var bytes = whole
            bytes.replaceSubrange(start + 5..<start + 7, with: wire(mode))
            #expect(throws: FrameError(.unknownValue, at: start + 5, in: "terminal mode")) {
                try LaunchOrder(decoding: bytes)
            }
        }
        var bytes = whole
        bytes.replaceSubrange(start + 1..<start + 5, with: wire(UInt32.max))
        #expect(throws: FrameError(.tooLarge, at: start + 1, in: "terminal group")) {
            try LaunchOrder(decoding: bytes)
        }
    }

    /// A change to an order, and what is said about it.
    struct Change: Sendable, CustomTestStringConvertible {
        let code: FrameError.Code
        let named: String
        let apply: @Sendable (inout LaunchOrder) -> Void

        init(_ code: FrameError.Code, _ named: String, _ apply: @escaping @Sendable (inout LaunchOrder) -> Void) {
            self.code = code
            self.named = named
            self.apply = apply
        }

        var testDescription: String { "\(named): \(code)" }
    }

    @Test(
        "is not even written",
        arguments: [
            Change(.tooSmall, "account name") { $0.account = [] },
            Change(.tooLarge, "account name") { $0.account = [UInt8](repeating: 0x61, count: 513) },
            Change(.zeroByte, "account name") { $0.account = [0] },
            Change(.tooLarge, "user id") { $0.credentials.userID = .max },
            Change(.tooLarge, "group id") { $0.credentials.groupID = .max },
            Change(.tooLarge, "supplementary group") { $0.credentials.groups = [.max] },
            Change(.notCanonical, "supplementary group") { $0.credentials.groups = [2, 1] },
            Change(.tooLarge, "groups") { $0.credentials.groups = Array(0...65_536) },
            Change(.tooSmall, "executables") { $0.executables = [] },
            Change(.tooSmall, "executable") { $0.executables = [""] },
            Change(.tooSmall, "arguments") { $0.arguments = [] },
            Change(.zeroByte, "argument") { $0.arguments[1] = [0x61, 0] },
            Change(.tooLarge, "argument") { $0.arguments[1] = [UInt8](repeating: 0x61, count: 131_072) },
            Change(.invalidText, "environment variable") { $0.environment = [Array("NAME".utf8)] },
            Change(.tooLarge, "environment") { $0.environment = Array(repeating: Array("A=".utf8), count: 700_001) },
            Change(.relativePath, "working directory") { $0.workingDirectory = "home" },
            Change(.tooSmall, "working directory") { $0.workingDirectory = "" },
            Change(.relativePath, "fallback directory") { $0.fallbackDirectory = "." },
            Change(.notCanonical, "stream target") { $0.streamFiles.reverse() },
            Change(.unknownValue, "stream flags") { $0.streamFiles[0].flags = O_NONBLOCK },
            Change(.unknownValue, "stream flags") { $0.streamFiles[0].flags = O_ACCMODE },
            Change(.contradiction, "error follows output") { $0.streamFiles.removeLast() },
            Change(.contradiction, "error follows output") {
                $0.streamFiles.append(ChildPlan.StreamFile(path: "/e", flags: O_WRONLY, target: 2))
            },
            Change(.contradiction, "terminal") {
                $0.terminal = ChildPlan.TerminalAccess(groupID: 5, mode: .ownerReadWrite)
            },
            Change(.unknownValue, "terminal mode") {
                ($0.streamFiles, $0.errorFollowsOutput) = ([], false)
                $0.terminal = ChildPlan.TerminalAccess(groupID: 5, mode: .otherWrite)
            },
            Change(.tooLarge, "niceness") { $0.niceness = 20 },
            Change(.unknownValue, "file mode creation mask") { $0.fileModeCreationMask = 0o1000 },
            Change(.notCanonical, "resource") { $0.resourceLimits[1].resource = 7 },
            Change(.tooLarge, "resource") { $0.resourceLimits[1].resource = 16 },
            Change(.tooSmall, "start deadline") { $0.startDeadlineMilliseconds = 0 },
            Change(.tooSmall, "descriptor targets") { $0.descriptorTargets = [0, 1] },
            Change(.notCanonical, "descriptor target") { $0.descriptorTargets = [0, 1, 2, 4] },
            Change(.tooSmall, "process limit") { $0.treeLimits.processes = 0 },
            Change(.tooLarge, "processor weight") { $0.treeLimits.processorWeight = 10_001 },
            Change(.tooSmall, "processor quota") { $0.treeLimits.processorQuotaMicroseconds = 999 },
            Change(.invalidText, "service") { $0.session?.service = Array(".hidden".utf8) },
            Change(.tooLarge, "service") { $0.session?.service = [UInt8](repeating: 0x61, count: 65) },
            Change(.unknownValue, "yields") { $0.session?.yields = .init(rawValue: 1 << 31) },
        ]
    )
    func encoding(_ change: Change) {
        var order = Samples.order
        change.apply(&order)
        let error = #expect(throws: FrameError.self) { try order.encoded() }
        #expect(error?.code == change.code)
        #expect(error?.field == change.named)
    }
}
