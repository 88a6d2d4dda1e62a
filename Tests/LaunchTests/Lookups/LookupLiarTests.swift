import Glibc
import LaunchPlan
import LaunchProtocol
import NameLookup
import SystemPackage
import Testing

@testable import Impersonation

@Suite("A lookup process that lies", .testBed, .timeLimit(.minutes(5)))
struct LookupLiarTests {
    /// A program that does what its name says (`Tests/LookupLiar`).
    private final class Liar {
        let path: FilePath
        private let directory: FilePath

        init(_ way: String) throws {
            directory = FilePath("\(TestBed.directory)/liar-\(UInt64.random(in: 0...UInt64.max))")
            path = directory.appending(way)
            try #require(unsafe mkdir(directory.string, 0o755) == 0)
            try #require(unsafe symlink("\(TestBed.directory)/bin/lookup-liar", path.string) == 0)
            // It is not root that writes to it.
            try writeFile("", to: FilePath(path.string + ".starts"))
            try #require(unsafe chmod(path.string + ".starts", 0o666) == 0)
        }

        deinit {
            for name in namesIn(directory.string) { unsafe unlink(directory.appending(name).string) }
            unsafe rmdir(directory.string)
        }

        /// How often it was started.
        var starts: Int { ((try? ProcFile.read(FilePath(path.string + ".starts"))) ?? "").utf8.count }
    }

    private func failure(
        _ way: String,
        _ question: LookupQuestion = .groups(of: "x", primary: 1),
        within patience: Duration = ample
    ) async throws -> NoAnswer? {
        let liar = try Liar(way)
        let path = liar.path
        return try await onThread {
            let processes = LookupProcesses(at: path)
            return #expect(throws: NoAnswer.self) { try processes.ask(question, until: .now + patience) }
        }
    }

    @Test(
        "is believed nothing, and killed",
        arguments: [
            "garbage", "another-question", "too-many-groups", "growing-groups", "empty-parts", "long-name",
            "lying-length",
            "trailing", "descriptor", "crashes",
        ]
    )
    func lies(way: String) async throws {
        let before = childrenOfThisProcess()
        guard case .broken = try await failure(way) else {
            Issue.record("it was believed, or waited for")
            return
        }
        while !childrenOfThisProcess().subtracting(before).isEmpty { try await Task.sleep(for: .milliseconds(2)) }
    }

    @Test("that answers another kind of question makes the name service unavailable")
    func anotherKind() async throws {
        let liar = try Liar("another-kind")
        let path = liar.path
        try await onThread {
            let files = LocalFiles { $0 == "/etc/nsswitch.conf" ? Array("passwd: files other\n".utf8) : [] }
            let service = AskedNameService(LookupProcesses(at: path))
                .forLookup(until: .now + ample, with: files, isLocal: false)
            guard case .unanswered(.broken) = service.passwd(named: "x") else {
                Issue.record("groups are no entry")
                return
            }
        }
    }

    @Test("that is of another version, older or newer, is no way to ask", arguments: ["newer", "old", "ends"])
    func otherVersions(way: String) async throws {
        guard case .unusable = try await failure(way) else {
            Issue.record("it was asked")
            return
        }
    }

    @Test("that says nothing is killed when the time is over")
    func mute() async throws {
        let before = childrenOfThisProcess()
        #expect(try await failure("mute", within: .milliseconds(200)) == .late)
        while !childrenOfThisProcess().subtracting(before).isEmpty { try await Task.sleep(for: .milliseconds(2)) }
    }

    @Test("and crashes over every question is not started over and over", arguments: ["crashes", "ends"])
    func storm(way: String) async throws {
        let liar = try Liar(way)
        let path = liar.path
        try await onThread {
            let processes = LookupProcesses(at: path)
            for _ in 0..<200 {
                #expect(throws: NoAnswer.self) { try processes.ask(.passwdByName("x"), until: .now + ample) }
            }
        }
        #expect((3...12).contains(liar.starts), "\(liar.starts) starts")
    }

    @Test("is not started where others than root can put it")
    func untrusted() async throws {
        let liar = try Liar("fine")
        let path = liar.path
        try #require(unsafe chmod(path.removingLastComponent().string, 0o777) == 0)
        let error = try await onThread {
            #expect(throws: NoAnswer.self) {
                try LookupProcesses(at: path).ask(.passwdByName("x"), until: .now + ample)
            }
        }
        guard case .unusable(let reason) = error else {
            Issue.record("it was asked")
            return
        }
        #expect(reason.contains("others than root can write"), "\(reason)")
        #expect(liar.starts == 0)
    }
}
