import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

@Suite("Under the system helper, a directory that hangs", .testBed, .scriptedNSS, .timeLimit(.minutes(20)))
struct HelperDirectoryTests {
    /// How long a launch may take until it fails, and how long one takes at most that waits for nobody.
    private static let deadline = Duration.seconds(120)
    private static let promptly = Duration.seconds(60)

    private static let farAlice = TestBed.Person(
        "far-alice",
        userID: 70_000,
        groupID: 70_000,
        others: [80_000, 80_001],
        home: "/"
    )

    /// Who somebody is, without anybody being asked.
    private func identity(_ person: TestBed.Person, with groups: [UInt32] = []) throws -> ExecutionIdentity {
        let account = Account(
            name: try AccountName(person.name),
            userID: UserID(person.userID),
            groupID: GroupID(person.groupID),
            groups: (person.groups + groups).map { GroupID($0) },
            homeDirectory: FilePath(person.home),
            shell: "/bin/sh"
        )
        return ExecutionIdentity(admitted: account, login: account.name, mode: .user, method: .switchAccount)
    }

    /// What a launch comes to.
    private enum Outcome: Equatable {
        /// The job ran, with these groups.
        case groups(Set<UInt32>)
        case failed(LaunchError.Code)
    }

    /// Launches a job that says which groups it has.
    private static func outcome(
        of identity: ExecutionIdentity,
        _ launcher: any ProcessLauncher,
        within deadline: Duration = deadline
    ) async throws -> Outcome {
        var command = Command(.path("/usr/bin/id"), arguments: ["-G"])
        command.workingDirectory = .path("/")
        command.standardOutput = .captured(limit: 1 << 16)
        command.startDeadline = deadline
        do throws(LaunchError) {
            let process = try await launcher.launch(command, as: identity)
            let text = try await process.exitReport().standardOutput?.text ?? ""
            return .groups(Set(text.split(whereSeparator: \.isWhitespace).compactMap { UInt32($0) }))
        } catch {
            return .failed(error.code)
        }
    }

    /// Expects a launch that comes to something without waiting for the directory.
    private func expect(
        _ expected: Outcome,
        of identity: ExecutionIdentity,
        _ launcher: any ProcessLauncher,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let begin = ContinuousClock.now
        let outcome = try await Self.outcome(of: identity, launcher)
        #expect(outcome == expected, sourceLocation: sourceLocation)
        #expect(ContinuousClock.now - begin < Self.promptly, sourceLocation: sourceLocation)
    }

    @Test(
        "delays no local account, whether it was asked for accounts when the helper began or not",
        arguments: [true, false]
    )
    func localAccount(isKnown: Bool) async throws {
        let early = isKnown ? try ScriptedNSS() : nil
        let helper = try RunningHelper(policy: ["peers = 0"])
        let directory = try early ?? ScriptedNSS()
        defer { withExtendedLifetime(directory) {} }
        let alice = try identity(TestBed.alice)
        try directory.freeze()
        for _ in 0..<2 { try await expect(.groups([2_001, 3_001, 3_002]), of: alice, helper.launcher) }
        directory.thaw()
        try await expect(.groups([2_001, 3_001, 3_002]), of: alice, helper.launcher)
    }

    @Test("delays no session of a local account, also where a module spells its name otherwise")
    func session() async throws {
        let directory = try ScriptedNSS()
        defer { withExtendedLifetime(directory) {} }
        let scripted = try PAMService(scripted: "account:user=bob2")
        let unix = try PAMService(["auth", "account", "session"].map { "\($0) required pam_unix.so" })
        let helper = try RunningHelper(policy: ["peers = 0", "pam-services = \(scripted.name) \(unix.name)"])
        let bob = try identity(TestBed.bob)
        try directory.freeze()
        for service in [scripted, unix] {
            try await expect(.groups([2_002]), of: bob, PAMLauncher(helper, service))
        }
        directory.thaw()
    }

    @Test("makes an account of its own unavailable within the deadline of the launch, until it answers")
    func farAccount() async throws {
        let directory = try ScriptedNSS()
        defer { withExtendedLifetime(directory) {} }
        let service = try PAMService(scripted: "*:info=x")
        let helper = try RunningHelper(policy: service.policy)
        let far = try identity(Self.farAlice)
        let launchers: [any ProcessLauncher] = [helper.launcher, PAMLauncher(helper, service)]
        try directory.freeze()
        for launcher in launchers {
            let outcome = try await Self.outcome(of: far, launcher, within: .seconds(2))
            #expect(outcome == .failed(.directoryUnavailable))
        }
        #expect(service.records.isEmpty)
        directory.thaw()
        for launcher in launchers { try await expect(.groups([70_000, 80_000, 80_001]), of: far, launcher) }
    }

    /// A rule of a policy, and what a job of alice comes to while the directory hangs and afterwards.
    struct Rule: Sendable, CustomTestStringConvertible {
        enum Fate: Sendable { case runs, unavailable, refused }

        let line: String
        let meanwhile: Fate
        let afterwards: Fate

        var testDescription: String { line }
    }

    @Test(
        "decides nothing by its silence: what depends on a group that nobody knows of waits, all else goes on",
        arguments: [
            Rule(line: "denied-accounts = @bob", meanwhile: .unavailable, afterwards: .runs),
            Rule(line: "denied-accounts = @video @bob", meanwhile: .refused, afterwards: .refused),
            Rule(line: "denied-accounts = bob", meanwhile: .runs, afterwards: .runs),
            Rule(line: "peers = 0 @bob", meanwhile: .unavailable, afterwards: .runs),
            Rule(line: "accounts = @bob", meanwhile: .unavailable, afterwards: .refused),
            Rule(line: "accounts = @bob @video", meanwhile: .runs, afterwards: .runs),
            Rule(line: "accounts = @bob alice", meanwhile: .runs, afterwards: .runs),
            // The groups of a job are those that its daemon names.
            Rule(line: "denied-groups = bob", meanwhile: .runs, afterwards: .runs),
            Rule(line: "denied-groups = video", meanwhile: .refused, afterwards: .refused),
            Rule(line: "groups = alice render video", meanwhile: .runs, afterwards: .runs),
        ]
    )
    func rules(_ rule: Rule) async throws {
        let directory = try ScriptedNSS()
        defer { withExtendedLifetime(directory) {} }
        let helper = try RunningHelper(policy: (rule.line.hasPrefix("peers") ? [] : ["peers = 0"]) + [rule.line])
        let alice = try identity(TestBed.alice)
        func outcome(_ fate: Rule.Fate) -> Outcome {
            switch fate {
            case .runs: .groups([2_001, 3_001, 3_002])
            case .unavailable: .failed(.directoryUnavailable)
            case .refused: .failed(.refused)
            }
        }
        try directory.freeze()
        try await expect(outcome(rule.meanwhile), of: alice, helper.launcher)
        directory.thaw()
        try await expect(outcome(rule.afterwards), of: alice, helper.launcher)
    }

    @Test("confirms no group that the local files do not list, and contradicts none")
    func moreGroups() async throws {
        let directory = try ScriptedNSS()
        defer { withExtendedLifetime(directory) {} }
        let helper = try RunningHelper(policy: ["peers = 0"])
        let alice = try identity(TestBed.alice, with: [80_000])
        try directory.freeze()
        try await expect(.failed(.directoryUnavailable), of: alice, helper.launcher)
        directory.thaw()
        try await expect(.failed(.refused), of: alice, helper.launcher)
        #expect(helper.log.contains("it is no member of group 80000"))
    }

    @Test("is asked by a process that has nothing of the daemon's, and is gone when it is late")
    func asker() async throws {
        let directory = try ScriptedNSS()
        defer { withExtendedLifetime(directory) {} }
        let helper = try RunningHelper(policy: ["peers = 0", "denied-accounts = @bob"])
        let alice = try identity(TestBed.alice)
        try directory.freeze()
        // The null device three times, and the pipe of the answer.
        let expected = ["/dev/null", "/dev/null", "/dev/null", "pipe"]
        var seen: [String] = []
        let launcher = helper.launcher
        // It lives for a second, which a busy machine may let pass.
        for attempt in 1...20 where seen != expected {
            let launch = Task { try await Self.outcome(of: alice, launcher) }
            while seen != expected,
                helper.log.split(separator: "\n").count(where: { $0.contains("not started") }) < attempt
            {
                seen = helper.jobs.first.map(files) ?? seen
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect(try await launch.value == .failed(.directoryUnavailable))
        }
        #expect(seen == expected)
        #expect(try await isSoon(within: ample) { helper.jobs.isEmpty && helper.monitors.count == 4 })
        directory.thaw()
    }

    /// What a process has open.
    private func files(of process: pid_t) -> [String] {
        namesIn("/proc/\(process)/fd")
            .compactMap { name in
                var target = [CChar](repeating: 0, count: 256)
                let size = unsafe readlink("/proc/\(process)/fd/\(name)", &target, target.count)
                guard size > 0 else { return nil }
                let text = String(decoding: target.prefix(size).map(UInt8.init(bitPattern:)), as: UTF8.self)
                return text.hasPrefix("pipe:") ? "pipe" : text
            }
            .sorted()
    }
}
