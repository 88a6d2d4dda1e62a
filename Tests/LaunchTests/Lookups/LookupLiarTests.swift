import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import LocalAccounts
import NameLookup
import Synchronization
import SystemPackage
import Testing

@testable import Impersonation

@Suite("A lookup process that lies", .testBed, .timeLimit(.minutes(5)))
struct LookupLiarTests {
    /// A program that does what its name says (`Tests/LookupLiar`).
    private final class Liar: Sendable {
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

    /// Does what blocks with a program that lies, which is gone afterwards.
    private func with<Value: Sendable>(
        _ way: String,
        _ body: @escaping @Sendable (Liar) throws -> Value
    ) async throws -> Value {
        let liar = try Liar(way)
        return try await onThread { try body(liar) }
    }

    private func failure(
        _ way: String,
        _ question: LookupQuestion = .groups(of: "x", primary: 1),
        within patience: Duration = ample
    ) async throws -> NoAnswer? {
        try await with(way) { liar in
            let processes = LookupProcesses(at: liar.path)
            return #expect(throws: NoAnswer.self) { try processes.ask(question, until: .now + patience) }
        }
    }

    @Test("is of another version where it ends over the question whether directories are reached")
    func otherVersion() async throws {
        let doubt = try await with("crashes") { liar in
            try LookupProcesses(at: liar.path).rehearse(until: .now + ample)
        }
        #expect(doubt == .otherVersion)
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
        try await with("another-kind") { liar in
            let files = LocalFiles { $0 == "/etc/nsswitch.conf" ? Array("passwd: files other\n".utf8) : [] }
            let service = AskedNameService(LookupProcesses(at: liar.path))
                .forLookup(until: .now + ample, with: files, isLocal: false)
            guard case .unanswered(.broken) = service.passwd(named: "x") else {
                Issue.record("groups are no entry")
                return
            }
        }
    }

    @Test("that is of another version, older or newer, is no way to ask", arguments: ["newer", "old"])
    func otherVersions(way: String) async throws {
        guard case .unusable = try await failure(way) else {
            Issue.record("it was asked")
            return
        }
    }

    @Test("that ends before it takes a question is no reason to ask in another way: others can bring that about")
    func earlyEnd() async throws {
        guard case .broken = try await failure("ends") else {
            Issue.record("it counts as a helper that cannot be used")
            return
        }
    }

    @Test(
        "makes local accounts unavailable too: that a group is not listed would decide something",
        arguments: ["crashes", "ends", "old"]
    )
    func localGroups(way: String) async throws {
        try await with(way) { liar in
            let files = LocalFiles {
                $0 == "/etc/nsswitch.conf" ? Array("passwd: files\ngroup: files other\n".utf8) : []
            }
            let service = AskedNameService(LookupProcesses(at: liar.path))
                .forLookup(until: .now + ample, with: files, isLocal: true)
            guard case .unanswered(let reason) = service.groups(ofLocal: "x", primary: GroupID(rawValue: 1)) else {
                Issue.record("the local files have answered alone")
                return
            }
            #expect(reason != .late)
        }
    }

    @Test(
        "by its silence leaves a local account what the local files list, which is not all",
        arguments: [("files other", false), ("files systemd winbind", false), ("files winbind", true)]
    )
    func silence(services: String, areComplete: Bool) async throws {
        try await with("mute") { liar in
            let texts: [FilePath: String] = [
                "/etc/nsswitch.conf": "passwd: files\ngroup: \(services)\n", "/etc/group": "a:x:7:x\nb:x:8:y\n",
            ]
            let files = LocalFiles { Array((texts[$0] ?? "").utf8) }
            let service = AskedNameService(LookupProcesses(at: liar.path))
            // The second time nobody is asked.
            for _ in 0..<2 {
                let asked = service.forLookup(until: .now + .milliseconds(400), with: files, isLocal: true)
                guard case .found(let list) = asked.groups(ofLocal: "x", primary: GroupID(rawValue: 1)) else {
                    Issue.record("a local account has waited")
                    return
                }
                #expect(list.groups.map(\.rawValue) == [1, 7])
                #expect(list.areComplete == areComplete)
            }
            #expect(liar.starts == 1)
        }
    }

    @Test("that worked and is gone is not replaced by threads of this process")
    func noThreads() async throws {
        try await with("fine") { liar in
            let threads = LookupThreads.ofRoot("x")
            let makeAsker = {
                AutomaticAsker(
                    helper: liar.path,
                    getent: "/nonexistent/getent",
                    threads: threads,
                    telling: LookupObserver()
                )
            }
            let asker = makeAsker()
            let before = childrenOfThisProcess()
            #expect(try asker.ask(.passwdByName("x"), until: .now + ample) == .absent)
            unsafe unlink(liar.path.string)
            for process in childrenOfThisProcess().subtracting(before) { kill(process, SIGKILL) }
            while true {
                do throws(NoAnswer) {
                    // It may not have ended yet.
                    guard try asker.ask(.passwdByName("x"), until: .now + ample) == .absent else {
                        Issue.record("threads were asked")
                        return
                    }
                } catch {
                    guard case .broken = error else {
                        Issue.record("\(error)")
                        return
                    }
                    if "\(error)".contains("does not exist") { break }
                }
            }
            guard case .passwd = try makeAsker().ask(.passwdByName("x"), until: .now + ample) else {
                Issue.record("where nothing has ever worked, threads ask")
                return
            }
        }
    }

    @Test("is not shared with a process that was forked from this one: that one starts its own")
    func forked() async throws {
        let identity = Mutex<pid_t>(1)
        try await with("fine") { liar in
            let processes = LookupProcesses(at: liar.path) { identity.withLock { $0 } }
            for _ in 0..<2 { _ = try processes.ask(.passwdByName("x"), until: .now + ample) }
            #expect(liar.starts == 1)
            identity.withLock { $0 = 2 }
            _ = try processes.ask(.passwdByName("x"), until: .now + ample)
            #expect(liar.starts == 2)
        }
        // It was this process's own after all, and nobody waits for what another one has started.
        for process in try ProcFile.processes() where (try? ProcessStat(of: process))?.parent == getpid() {
            guard (try? ProcFile.read(FilePath("/proc/\(process)/comm"))) == "fine\n" else { continue }
            var status: Int32 = 0
            while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        }
    }

    @Test("loses nothing by a question that cannot be put")
    func impossible() async throws {
        try await with("fine") { liar in
            let processes = LookupProcesses(at: liar.path)
            _ = try processes.ask(.passwdByName("x"), until: .now + ample)
            for _ in 0..<10 {
                #expect(throws: NoAnswer.self) { try processes.ask(.passwdByName(""), until: .now + ample) }
            }
            _ = try processes.ask(.passwdByName("x"), until: .now + ample)
            #expect(liar.starts == 1)
        }
    }

    @Test(
        "cannot be started for a while where others can bring that about, and for good where the machine does not permit it",
        arguments: [
            (LAUNCH_STEP_EXECUTE, EAGAIN, false), (LAUNCH_STEP_EXECUTE, ENOMEM, false),
            (LAUNCH_STEP_EXECUTE, ETXTBSY, false), (LAUNCH_STEP_EXECUTE, ENOENT, true),
            (LAUNCH_STEP_EXECUTE, ENOEXEC, true), (LAUNCH_STEP_SESSION_KEYRING, EDQUOT, false),
            (LAUNCH_STEP_CLONE, EAGAIN, false), (LAUNCH_STEP_CLONE, EMFILE, false), (LAUNCH_STEP_CLONE, ENOSYS, true),
            (LAUNCH_STEP_USER_ID, EINVAL, true),
        ]
    )
    func causes(step: launch_step, number: Int32, isForGood: Bool) {
        let failure = LookupChild.failure(at: step.rawValue, Errno(rawValue: number), "why")
        #expect(failure == (isForGood ? .unusable("why") : .broken("why")))
    }

    @Test("that says nothing is killed when the time is over")
    func mute() async throws {
        let before = childrenOfThisProcess()
        #expect(try await failure("mute", within: .milliseconds(200)) == .late)
        while !childrenOfThisProcess().subtracting(before).isEmpty { try await Task.sleep(for: .milliseconds(2)) }
    }

    @Test("and crashes over every question is not started over and over", arguments: ["crashes", "ends"])
    func storm(way: String) async throws {
        try await with(way) { liar in
            let processes = LookupProcesses(at: liar.path)
            for _ in 0..<200 {
                #expect(throws: NoAnswer.self) { try processes.ask(.passwdByName("x"), until: .now + ample) }
            }
            #expect((3...12).contains(liar.starts), "\(liar.starts) starts")
        }
    }

    @Test("is not started where others than root can put it")
    func untrusted() async throws {
        let error = try await with("fine") { liar in
            try #require(unsafe chmod(liar.path.removingLastComponent().string, 0o777) == 0)
            let error = #expect(throws: NoAnswer.self) {
                try LookupProcesses(at: liar.path).ask(.passwdByName("x"), until: .now + ample)
            }
            #expect(liar.starts == 0)
            return error
        }
        guard case .unusable(let reason) = error else {
            Issue.record("it was asked")
            return
        }
        #expect(reason.contains("others than root can write"), "\(reason)")
    }
}
