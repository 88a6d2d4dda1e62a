import CLaunchPlan
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("A job whose number somebody else has got", .testBed, .serialized)
struct ReusedNumberTests {
    private static let ways: [LaunchWay] = [
        .isolated, .direct, .helperAsRoot, .helperWithTwoCapabilities, .session,
    ]

    /// What a launcher for root is given beside what its way needs.
    private static func launcher(
        _ way: LaunchWay,
        _ helper: RunningHelper?,
        withGroups: Bool
    ) throws -> any ProcessLauncher {
        guard withGroups, way.helper == nil else { return way.launcher(helper?.socket ?? "") }
        return SetUIDLauncher(controlGroups: try ControlGroups(below: TestBed.controlGroups))
    }

    private static func expectNobodyElse(_ way: LaunchWay, withGroups: Bool) async throws {
        let groups = withGroups ? ["control-groups = \(TestBed.controlGroups)"] : []
        let helper = try way.helper.map { try RunningHelper($0, policy: way.policy + groups + ["peers = 0"]) }
        let launcher = try launcher(way, helper, withGroups: withGroups)
        let person = try await TestBed.alice.identity
        let go = freshPath("go")
        let script = "while [ ! -e \(go) ]; do sleep 0.01; done; exit 3"
        let process = try await launcher.launch(
            patient(Command(.path("/bin/sh"), arguments: ["-c", script])),
            as: person
        )
        // One without a number of its own any more has no reference.
        let reference = try #require(process.reference)
        try writeFile("", to: go)
        let report = try await process.exitReport()
        #expect(report.status == .exited(3))
        let heir = try await Heir(of: process.processID.rawValue, TestBed.alice, laterThan: reference.startTime)
        #expect(heir.isUntouched)

        for signal in [Signal.terminate, .stop, .kill] {
            for target in [SignalTarget.process, .group] {
                #expect(throws: Errno.noSuchProcess) { try process.send(signal, to: target) }
            }
            // A cgroup is asked for whatever is left in it.
            if withGroups {
                try? process.send(signal, to: .tree)
            } else {
                #expect(throws: Errno.noSuchProcess) { try process.send(signal, to: .tree) }
            }
        }
        #expect(try await process.terminate(gracePeriod: .zero).status == .exited(3))
        #expect(try await process.exitReport(terminatingAfter: .zero, gracePeriod: .zero).status == .exited(3))
        #expect(try await process.exitReport() == report)
        await #expect(throws: LaunchError.self) { try await launcher.adopt(reference, as: person) }
        // What the helper was asked for has been done once it has ended.
        helper?.stop()
        #expect(heir.isUntouched)
    }

    @Test("is not mistaken for it by whatever is asked of its handle", arguments: ways)
    func handle(_ way: LaunchWay) async throws {
        try await Self.expectNobodyElse(way, withGroups: false)
    }

    @Test(
        "is not mistaken for it where it had a cgroup, either",
        .controlGroups,
        arguments: [LaunchWay.isolated, .helperAsRoot]
    )
    func group(_ way: LaunchWay) async throws {
        try await Self.expectNobodyElse(way, withGroups: true)
    }

    @Test("is not mistaken for it in a daemon whose children the kernel reaps")
    func ignoredChildren() async throws {
        await #expect(processExitsWith: .success) {
            signal(SIGCHLD, SIG_IGN)
            try await Self.expectNobodyElse(.isolated, withGroups: false)
        }
    }

    @Test("is not mistaken for it by a signal to its group where the kernel takes nothing but a number for that")
    func groupByNumber() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.isolated)
            let command = Command(.path("/bin/sh"), arguments: ["-c", "sleep 100000 & exec sleep 100000"])
            let process = try await SetUIDLauncher().launch(patient(command), as: person)
            let number = process.processID.rawValue
            let start = try #require(ProcessStart.time(of: number))
            let descriptor = OwnedDescriptor(linux_pidfd_open(number))
            try await wait { SessionScan.find(group: number)?.count == 2 }
            let members = try #require(SessionScan.find(group: number))
            // `PIDFD_SIGNAL_PROCESS_GROUP` of `linux/pidfd.h`: as if the kernel were older than 6.9.
            #expect(Fault(.wait, "pidfd_send_signal", .argument(3, is: 4)).install(EINVAL))
            #expect(launch_signal_group(descriptor.rawValue, number, SIGSTOP) == 0)
            for member in members {
                try await wait { try ProcessStat(of: member.process).state == UInt8(ascii: "T") }
            }
            _ = try await process.terminate(gracePeriod: .zero)
            let heir = try await Heir(of: number, TestBed.alice, laterThan: start)
            #expect(launch_signal_group(descriptor.rawValue, number, SIGKILL) == -EINVAL)
            #expect(heir.isUntouched)
        }
    }
}
