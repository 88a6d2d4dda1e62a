import Faults
import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// A launcher that goes through a helper, which it needs for others only.
enum OwnAccountWay: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case helper
    case pam

    var testDescription: String { rawValue }

    func launcher(_ socket: FilePath = "/nonexistent/helper.sock") -> any ProcessLauncher {
        let helper = SystemHelperLauncher(socket: socket)
        return switch self {
        case .helper: helper
        case .pam: PAMLauncher(through: helper, service: "open")
        }
    }
}

@Suite("A job of the daemon's own account, with a launcher that goes through the helper,", .testBed)
struct OwnAccountTests {
    private static let daemon = TestBed.Person("renderd", userID: 990, groupID: 990)
    private static let nothing = Command(.path("/bin/true"))

    @Test(
        "needs no helper: it has the daemon's ids and groups, and nothing else of the daemon",
        arguments: OwnAccountWay.allCases
    )
    func runsWithout(_ way: OwnAccountWay) async {
        await #expect(processExitsWith: .success) { [way = way.rawValue as String] in
            let launcher = try #require(OwnAccountWay(rawValue: way)).launcher()
            becomeDaemon(990)
            #expect(unsafe setenv("OF_THE_DAEMON", "1", 1) == 0)
            let result = try await run(
                Command(.path(FilePath(TestBed.probe))),
                as: Self.daemon.identity,
                launcher
            )
            let report = try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
            #expect(report.userID == .all(990))
            #expect(report.groupID == .all(990))
            #expect(report.groups == [990])
            #expect(report.capabilities.permitted == 0 && report.capabilities.effective == 0)
            #expect(report.noNewPrivileges)
            #expect(report.parent == getpid())
            #expect(report.variables["OF_THE_DAEMON"] == nil)
            #expect(report.descriptors.map(\.number) == [0, 1, 2])
            #expect(result.process.report.backend == launcher.backend)
            #expect(result.process.report.session == nil)
            #expect(result.process.report.containment == .session)
        }
    }

    @Test("is none of the policy's: a helper that would refuse it is not asked", arguments: OwnAccountWay.allCases)
    func isNotAsked(_ way: OwnAccountWay) async throws {
        let helper = try RunningHelper(policy: ["peers = 0", "pam-services = open", "pam-sessions = required"])
        let before = helper.log
        await #expect(processExitsWith: .success) {
            [way = way.rawValue as String, socket = helper.socket.string as String] in
            let launcher = try #require(OwnAccountWay(rawValue: way)).launcher(FilePath(socket))
            becomeDaemon(990)
            let result = try await run(Self.nothing, as: Self.daemon.identity, launcher)
            #expect(result.exit.status == .exited(0))
        }
        #expect(helper.log == before)
    }

    @Test("is the only one: for any other account the helper is asked", arguments: OwnAccountWay.allCases)
    func others(_ way: OwnAccountWay) async throws {
        let helper = try RunningHelper(policy: ["pam-services = open"])
        await #expect(processExitsWith: .success) {
            [way = way.rawValue as String, socket = helper.socket.string as String] in
            let way = try #require(OwnAccountWay(rawValue: way))
            becomeDaemon(990)
            let alice = try await TestBed.alice.identity
            let error = try await launchError(Self.nothing, as: alice, way.launcher())
            #expect(error.code == .helperUnavailable, "\(error)")
            let result = try await runScript("id -u; echo $PPID", as: alice, way.launcher(FilePath(socket)))
            #expect(result.text.hasPrefix("2001\n"))
            #expect(!result.text.contains("\(getpid())"))
            // Half of an identity is none.
            for (user, group) in [(990, 991), (991, 990)] as [(UInt32, UInt32)] {
                let other = try identity(userID: user, groupID: group, groups: [group])
                #expect(try await launchError(Self.nothing, as: other, way.launcher()).code == .helperUnavailable)
            }
        }
    }

    @Test("is the helper's where the daemon has other groups than the account", arguments: OwnAccountWay.allCases)
    func groups(_ way: OwnAccountWay) async throws {
        let marker = freshPath("marker").string
        await #expect(processExitsWith: .success) { [way = way.rawValue as String, marker = marker as String] in
            let way = try #require(OwnAccountWay(rawValue: way))
            var groups: [gid_t] = [990, 3001]
            #expect(unsafe setgroups(groups.count, &groups) == 0)
            #expect(setgid(990) == 0 && setuid(990) == 0)
            let touch = Command(.path("/usr/bin/touch"), arguments: [marker])
            let error = try await launchError(touch, as: Self.daemon.identity, way.launcher())
            #expect(error.code == .helperUnavailable, "\(error)")
            var limited = Self.nothing
            limited.treeLimits = ProcessTreeLimits(processes: 10)
            #expect(setgroups(0, nil) != 0)
            #expect(try await launchError(limited, as: Self.daemon.identity, way.launcher()).code == .helperUnavailable)
        }
        #expect(!exists(FilePath(marker)))
    }

    @Test("is never started like that by a daemon that has a privilege", arguments: OwnAccountWay.allCases)
    func privileges(_ way: OwnAccountWay) async throws {
        // No rule lets such an identity come into being; the launchers would not run it either.
        let root = try identity(userID: 0, groupID: 0, groups: [0])
        #expect(try await launchError(Self.nothing, as: root, way.launcher()).code == .helperUnavailable)
        // Root's group, whether it is the first one or another.
        for group in [0, 990] as [UInt32] {
            await #expect(processExitsWith: .success) { [way = way.rawValue as String, group = group as UInt32] in
                let way = try #require(OwnAccountWay(rawValue: way))
                var groups: [gid_t] = [0, 990]
                #expect(unsafe setgroups(groups.count, &groups) == 0)
                #expect(setgid(group) == 0 && setuid(990) == 0)
                let own = try identity(userID: 990, groupID: group, groups: [0, 990])
                #expect(try await launchError(Self.nothing, as: own, way.launcher()).code == .helperUnavailable)
            }
        }
        // A capability that it could raise, as each thread may keep them (capabilities(7)).
        for keeps in [false, true] {
            await #expect(processExitsWith: .success) { [keeps = keeps as Bool] in
                let own = try identity(userID: 990, groupID: 990, groups: [990])
                #expect(!OwnAccountLaunch.isMeant(by: own))
                if keeps { #expect(keep_capabilities() == 0) }
                becomeDaemon(990)
                #expect(OwnAccountLaunch.isMeant(by: own) == !keeps)
            }
        }
    }

    @Test("is still the helper's to refuse where a password is to be proven")
    func password() async throws {
        let helper = try RunningHelper(policy: ["pam-services = open", "minimum-uid = 900", "minimum-gid = 900"])
        await #expect(processExitsWith: .success) { [socket = helper.socket.string as String] in
            becomeDaemon(990)
            let launcher = PAMLauncher(
                through: SystemHelperLauncher(socket: FilePath(socket)),
                service: "open",
                authentication: .password(from: try await store("x", for: Self.daemon))
            )
            let error = try await launchError(Self.nothing, as: Self.daemon.identity, launcher)
            #expect(error.code == .refused)
            #expect(error.message.contains("account-is-a-peer"), "\(error)")
        }
    }

    @Test(
        "ends with the daemon as any of the helper's does, unless it is to go on: then the next one may take it over",
        .timeLimit(.minutes(2)),
        arguments: OwnAccountWay.allCases
    )
    func daemonEnds(_ way: OwnAccountWay) async throws {
        for goesOn in [false, true] {
            let note = freshPath("process").string
            await #expect(processExitsWith: .success) {
                [way = way.rawValue as String, note = note as String, goesOn = goesOn as Bool] in
                let launcher = try #require(OwnAccountWay(rawValue: way)).launcher()
                becomeDaemon(990)
                var command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
                if goesOn { command.daemonEnd = .goOn }
                let process = try await launcher.launch(command, as: Self.daemon.identity)
                let reference = try JSONEncoder().encode(process.reference)
                try writeFile(String(decoding: reference, as: UTF8.self), to: FilePath(note))
            }
            let text = try ProcFile.read(FilePath(note))
            let process = try JSONDecoder().decode(JobReference.self, from: Data(text.utf8)).processID
            if goesOn {
                #expect(ProcessStart.time(of: process) != nil)
                // The next daemon takes it over without a helper as well.
                await #expect(processExitsWith: .success) { [way = way.rawValue as String, text = text as String] in
                    let launcher = try #require(OwnAccountWay(rawValue: way)).launcher()
                    becomeDaemon(990)
                    let reference = try JSONDecoder().decode(JobReference.self, from: Data(text.utf8))
                    let job = try await launcher.adopt(reference, as: Self.daemon.identity)
                    // Before Linux 6.15 nobody tells how it has ended.
                    _ = try? await job.terminate(gracePeriod: .zero)
                }
            }
            while ProcessStart.time(of: process) != nil { try await Task.sleep(for: .milliseconds(2)) }
        }
    }
}
