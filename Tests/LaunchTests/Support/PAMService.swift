import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

/// A service of PAM of a test's own, in the bed's `/etc/pam.d`, and what its modules have recorded.
final class PAMService {
    /// Made up for each test: services are named by what is in the directory.
    let name: String
    private let path: FilePath
    private let journal: FilePath

    /// What a script of a service waits for, until ``openGate()``.
    static let gateMark = "GATE"

    /// Where the module of the tests writes down what it was asked for, in scripts of a service.
    static let journalMark = "JOURNAL"

    /// Makes a service.
    ///
    /// - Parameter lines: Its file; ``journalMark`` in it is the file of ``records``.
    /// - Throws: When it cannot be written.
    init(_ lines: [String]) throws {
        name = "test-\(UInt32.random(in: 0...UInt32.max))"
        path = FilePath("/etc/pam.d").appending(name)
        journal = FilePath("\(TestBed.directory)/tmp/\(name)")
        let text = (lines.joined(separator: "\n") + "\n").replacing(Self.journalMark, with: journal.string)
            .replacing(Self.gateMark, with: journal.string + ".gate")
        let file = try FileDescriptor.open(
            path,
            .writeOnly,
            options: [.create, .exclusiveCreate],
            permissions: [.ownerReadWrite, .groupRead, .otherRead]
        )
        _ = try file.closeAfter { try file.writeAll(text.utf8) }
    }

    /// Changes what its modules do from now on.
    func become(scripted actions: String...) throws {
        try become(Self.script(actions))
    }

    /// Has other lines from now on.
    func become(_ lines: [String]) throws {
        let text = lines.joined(separator: "\n") + "\n"
        let whole = text.replacing(Self.journalMark, with: journal.string)
            .replacing(Self.gateMark, with: journal.string + ".gate")
        let next = FilePath(path.string + ".next")
        try writeFile(whole, to: next)
        guard unsafe rename(next.string, path.string) == 0 else { throw Errno(rawValue: errno) }
    }

    private static func script(_ actions: [String]) -> [String] {
        let words = (["*:record=\(journalMark)"] + actions).map { "[\($0)]" }.joined(separator: " ")
        return ["auth", "account", "session"].map { "\($0) required \(module) \(words)" }
    }

    /// Makes a service of the scripted module alone (`Tests/PAMModule`), which records everything.
    ///
    /// - Parameter actions: What it does, in the order it is asked for it.
    /// - Throws: When it cannot be written.
    convenience init(scripted actions: String...) throws {
        try self.init(script: actions)
    }

    /// The same for a list of actions.
    convenience init(script actions: [String]) throws {
        try self.init(Self.script(actions))
    }

    /// The variables of the process that modules have seen, one after the other; where ``environmentMark`` says so.
    var environment: [String] {
        ((try? ProcFile.read(FilePath(environmentFile))) ?? "").split(separator: "\n").map(String.init)
    }

    /// Where the module of the tests writes down the environment, in scripts of a service.
    static let environmentMark = "JOURNAL.environ"

    private var environmentFile: String { journal.string + ".environ" }

    /// The module of the tests.
    static var module: String { "\(TestBed.directory)/bin/pam_scripted.so" }

    /// Lets a module go on that waits.
    func openGate() throws {
        try FileDescriptor.open(
            FilePath(journal.string + ".gate"),
            .writeOnly,
            options: [.create],
            permissions: [.ownerReadWrite]
        )
        .close()
    }

    deinit {
        for file in [path, journal, FilePath(journal.string + ".gate"), FilePath(environmentFile)] {
            _ = unsafe unlink(file.string)
        }
    }

    /// What the module was asked for.
    struct Record: Hashable, CustomStringConvertible {
        let stage: String
        let userID: UInt32
        let groupID: UInt32
        let process: Int32
        let account: String

        var description: String { "\(stage) by \(userID):\(groupID) for \(account)" }
    }

    /// What the module was asked for, in order.
    var records: [Record] {
        let text = (try? ProcFile.read(journal)) ?? ""
        return text.split(separator: "\n")
            .compactMap { line in
                let words = line.split(separator: " ", maxSplits: 4)
                guard words.count == 5, let user = UInt32(words[1]), let group = UInt32(words[2]),
                    let process = Int32(words[3])
                else { return nil }
                return Record(
                    stage: String(words[0]),
                    userID: user,
                    groupID: group,
                    process: process,
                    account: String(words[4])
                )
            }
    }

    var stages: [String] { records.map(\.stage) }

    /// Waits until a session was closed, or is long overdue.
    func waitForClose(_ count: Int = 1) async throws {
        let deadline = ContinuousClock.now + ample
        while stages.filter({ $0 == "uncred" }).count < count, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Lines of a helper's policy that permit it, for daemons that are root.
    var policy: [String] { ["peers = 0", "pam-services = \(name)"] }
}

extension PAMLauncher {
    /// A launcher of a test.
    init(
        _ helper: RunningHelper,
        _ service: PAMService,
        _ authentication: Authentication = .none,
        sessions: Sessions = .perJob
    ) {
        self.init(
            through: SystemHelperLauncher(socket: helper.socket),
            service: service.name,
            authentication: authentication,
            sessions: sessions
        )
    }
}

/// A service of the scripted module, and a helper whose policy permits it.
struct ScriptedSession {
    let service: PAMService
    let helper: RunningHelper

    /// Makes the service, and starts the helper.
    ///
    /// - Parameters:
    ///   - actions: What the module does, in the order it is asked for it.
    ///   - policy: Lines of the policy beside those that permit the service.
    /// - Throws: When one of them cannot be had.
    init(_ actions: String..., policy: [String] = []) throws {
        service = try PAMService(script: actions)
        helper = try RunningHelper(policy: service.policy + policy)
    }

    /// The error of a launch as alice.
    func error(
        _ command: Command = Command(.path("/bin/true")),
        _ authentication: PAMLauncher.Authentication = .none
    ) async throws -> LaunchError {
        try await launchError(command, as: TestBed.alice.identity, PAMLauncher(helper, service, authentication))
    }
}

/// A store with one password in it.
func store(_ password: String, for person: TestBed.Person) async throws -> InMemoryCredentialStore {
    let store = InMemoryCredentialStore()
    var bytes = Array(password.utf8)
    let secret = try Secret(consumingBytes: &bytes)
    _ = try await store.register(secret, for: person.identity.account.name)
    return store
}
