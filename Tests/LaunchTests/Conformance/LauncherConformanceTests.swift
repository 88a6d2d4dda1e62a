import Glibc
import ImpersonationTesting
import SystemPackage
import Testing

@testable import Impersonation

@Suite("Every launcher of the library keeps what launchers promise", .testBed)
struct LauncherConformanceTests {
    /// Which requirement a process of its own is to check: values of an exit test are plain ones.
    private static let promises = ProcessLauncherConformance.requirements.map(\.name)

    @Test("of a daemon that is root:", arguments: promises, LauncherConformanceWay.ofRoot)
    func ofRoot(_ promise: String, _ way: LauncherConformanceWay) async throws {
        let way = way.rawValue
        await #expect(processExitsWith: .success) { [promise = promise as String, way = way as String] in
            behaveBadly()
            let way = try #require(LauncherConformanceWay(rawValue: way))
            try await prove(promise, with: way.subject())
        }
    }

    @Test("of a daemon without any privilege:", arguments: promises, LauncherConformanceWay.throughHelper)
    func throughHelper(_ promise: String, _ way: LauncherConformanceWay) async throws {
        let privileges = try #require(way.helper)
        let grouped = way.hasControlGroups ? try GroupedHelper(privileges) : nil
        let helper = try grouped?.helper ?? RunningHelper(privileges, policy: way.session?.policy ?? [])
        let environment = way == .shippedSession ? try Self.variables() : nil
        let way = way.rawValue
        await #expect(processExitsWith: .success) {
            [promise = promise as String, way = way as String, socket = helper.socket.string as String] in
            becomeUnprivilegedDaemon()
            behaveBadly()
            let way = try #require(LauncherConformanceWay(rawValue: way))
            let subject = try await way.subject(socket: FilePath(socket))
            if way == .sharedSession { try await LaunchWay.sharedSession.prepare(subject.launcher) }
            try await prove(promise, with: subject)
        }
        helper.stop()
        try await grouped?.stop()
        environment?.restore()
    }

    /// Variables for every session, as administrators set them.
    private static func variables() throws -> ReplacedFile { try ReplacedFile("/etc/environment", "FARM=north\n") }

    @Test("and one whose sessions have variables has to say so")
    func sessionVariables() async throws {
        let way = LauncherConformanceWay.shippedSession
        let promise = "a clean environment is that of the account and nothing of the daemon's"
        let requirement = try #require(ProcessLauncherConformance.requirements.first { $0.name == promise })
        let helper = try RunningHelper(policy: LaunchWay.shippedSession.policy + ["peers = 0"])
        let environment = try Self.variables()
        var subject = try await way.subject(socket: helper.socket)
        try await requirement.check(subject)
        subject.exemptions.remove(.sessionHasVariables)
        let failure = await #expect(throws: ConformanceFailure.self) { try await requirement.check(subject) }
        #expect(failure.map { "\($0)".contains("variables of nobody's: FARM") } == true)
        environment.restore()
        try await requirement.check(subject)
    }

    @Test("of a daemon that has a rule in sudoers:", arguments: promises, LauncherConformanceWay.throughSudo)
    func throughSudo(_ promise: String, _ way: LauncherConformanceWay) async throws {
        let way = way.rawValue
        await #expect(processExitsWith: .success) { [promise = promise as String, way = way as String] in
            becomeUnprivilegedDaemon()
            behaveBadly()
            let way = try #require(LauncherConformanceWay(rawValue: way))
            try await prove(promise, with: way.subject())
        }
    }

    @Test("of a daemon that keeps its account:", arguments: promises)
    func current(_ promise: String) async throws {
        await #expect(processExitsWith: .success) { [promise = promise as String] in
            let subject = try await LauncherConformanceWay.current.subject()
            becomeDaemon(TestBed.bob.userID)
            behaveBadly()
            try await prove(promise, with: subject)
        }
    }
}

/// Checks the requirement with a name; an error that leaves an exit test is told without its text.
private func prove(_ name: String, with subject: LauncherUnderTest) async throws {
    let requirement = try #require(ProcessLauncherConformance.requirements.first { $0.name == name })
    do throws(ConformanceFailure) {
        try await requirement.check(subject)
    } catch {
        Issue.record("\(error)")
    }
}

/// Makes this process a daemon that has much that a job must not get.
private func behaveBadly() {
    for name in [SIGPIPE, SIGUSR1, SIGUSR2] { signal(name, SIG_IGN) }
    umask(0)
    _ = unsafe setenv("DAEMON_SECRET", "1", 1)
    _ = unsafe setenv("LD_LIBRARY_PATH", "/nowhere", 1)
    var limit = rlimit(rlim_cur: 512, rlim_max: 4_096)
    #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
}
