import CLaunchPlan
import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// Each step of the child is made to fail by a system call filter, in a process of its own, with each error.
///
/// Whatever the step: the error names it, no instruction of the job runs, and no process and no descriptor is left.
@Suite("A step that fails", .testBed)
struct FaultGridTests {
    @Test("in isolated mode names itself, runs nothing and leaves nothing", arguments: Fault.isolated)
    func isolated(_ fault: Fault) async throws {
        let marker = freshPath("marker").string
        await #expect(processExitsWith: .success) { [fault = fault as Fault, marker = marker as String] in
            try await expectFailure(of: fault, in: .isolated, marker: FilePath(marker))
        }
        #expect(!exists(FilePath(marker)))
    }

    @Test("in direct mode names itself, runs nothing and leaves nothing", arguments: Fault.direct)
    func direct(_ fault: Fault) async throws {
        let marker = freshPath("marker").string
        await #expect(processExitsWith: .success) { [fault = fault as Fault, marker = marker as String] in
            try await expectFailure(of: fault, in: .direct, marker: FilePath(marker))
        }
        #expect(!exists(FilePath(marker)))
    }

    @Test(
        "with an extra descriptor names itself, runs nothing and leaves nothing",
        arguments: Fault.withExtraDescriptor
    )
    func extraDescriptor(_ fault: Fault) async throws {
        let marker = freshPath("marker").string
        await #expect(processExitsWith: .success) { [fault = fault as Fault, marker = marker as String] in
            try await expectFailure(of: fault, in: .isolated, marker: FilePath(marker)) {
                $0.extraDescriptors = [ExtraDescriptor(name: "EXTRA", descriptor: .standardError)]
            }
        }
        #expect(!exists(FilePath(marker)))
    }

    @Test(
        "with a terminal names itself, runs nothing and leaves nothing",
        arguments: Fault.withTerminal,
        everyIsolation
    )
    func terminal(_ fault: Fault, _ isolation: SetUIDLauncher.Isolation) async throws {
        let marker = freshPath("marker").string
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) {
            [fault = fault as Fault, marker = marker as String, isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            try await expectFailure(of: fault, in: isolation, marker: FilePath(marker)) {
                $0.standardError = .null
                $0.terminal = .pseudoterminal(rows: 24, columns: 80)
            }
        }
        #expect(!exists(FilePath(marker)))
    }

    @Test(
        "with streams of the daemon's names itself, runs nothing and leaves nothing",
        arguments: Fault.withStreams,
        everyIsolation
    )
    func streams(_ fault: Fault, _ isolation: SetUIDLauncher.Isolation) async throws {
        let marker = freshPath("marker").string
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) {
            [fault = fault as Fault, marker = marker as String, isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            try await expectFailure(of: fault, in: isolation, marker: FilePath(marker)) {
                $0.standardOutput = .captured(limit: 100)
            }
        }
        #expect(!exists(FilePath(marker)))
    }

    @Test("but says that it worked is found out by reading back", arguments: Fault.pretended.indices)
    func pretended(_ index: Int) async throws {
        let marker = freshPath("marker").string
        await #expect(processExitsWith: .success) { [index = index as Int, marker = marker as String] in
            let (fault, found) = Fault.pretended[index]
            let person = try await warmedUp(.isolated)
            #expect(fault.install(0))
            let error = try await launchError(markerCommand(FilePath(marker)), as: person)
            #expect(error.code == .verificationFailed)
            #expect(error.step == found)
            #expect(!hasChildren())
        }
        #expect(!exists(FilePath(marker)))
    }

    @Test(
        "of the clone falls back to the older system call where a filter forbids the newer",
        arguments: [ENOSYS, EPERM],
        everyIsolation
    )
    func cloneFallback(_ errno: Int32, _ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [errno = errno as Int32, isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let person = try await warmedUp(isolation)
            #expect(Fault(.clone, "clone3").install(errno))
            let report = try await runProbe(as: person, isolation)
            #expect(report.userID == .all(TestBed.alice.userID))
            #expect(report.signals.dispositions.allSatisfy { $0 == "default" })
        }
    }

    @Test("of the clone for want of memory or processes is an error", arguments: [EAGAIN, ENOMEM], everyIsolation)
    func clone(_ errno: Int32, _ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [errno = errno as Int32, isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let person = try await warmedUp(isolation)
            #expect(Fault(.clone, "clone3").install(errno))
            let descriptors = try await openDescriptorCount()
            let error = try await launchError(
                Command(.path("/bin/true")),
                as: person,
                SetUIDLauncher(isolation: isolation)
            )
            #expect(error.step == .clone)
            #expect(error.errno == Errno(rawValue: errno))
            #expect(try await openDescriptorCount() == descriptors)
        }
    }

    @Test(
        "of the right to empty the bounding set is an error for a job that may gain privileges",
        arguments: everyIsolation
    )
    func keptBoundingSet(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let launcher = SetUIDLauncher(isolation: isolation)
            let person = try await warmedUp(isolation)
            // Who cannot look at his capabilities counts as without.
            #expect(Fault(.boundingSet, "capget").install(EPERM))
            var command = Command(.path("/bin/true"))
            command.noNewPrivileges = false
            let error = try await launchError(command, as: person, launcher)
            #expect(error.code == .notPermitted)
            #expect(error.message.contains("CAP_SETPCAP"))
            command.capabilityBoundingSet = .inherited
            let other = try await launchError(command, as: person, launcher)
            #expect(other.step != .prepare, "\(other)")
        }
    }

    @Test("of the daemon's missing right names the capability", arguments: everyIsolation)
    func missingCapability(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let person = try await warmedUp(isolation)
            #expect(Fault(.groups, "setgroups").install(EPERM))
            let error = try await launchError(
                Command(.path("/bin/true")),
                as: person,
                SetUIDLauncher(isolation: isolation)
            )
            #expect(error.message.contains("CAP_SETGID"))
            #expect(error.account?.spelling == "alice")
            #expect(error.backend == .setuid)
        }
    }

    @Test("only in some daemons names itself too", arguments: [EPERM, EAGAIN, ENOMEM])
    func rareSteps(_ errno: Int32) async throws {
        await #expect(processExitsWith: .success) { [errno = errno as Int32] in
            // A daemon that is not root keeps capabilities; one that is protected from the out-of-memory killer gives up
            // its score. This one is neither, so the interpreter is handed the operations themselves.
            let openedForWriting: UInt32 = 1
            let cases: [(ChildOperation, Fault)] = [
                (.keepCapabilities(DaemonFacts.capabilitiesOfTheSwitch), Fault(.keepCapabilities, "capset")),
                (.resetOOMScore, Fault(.oomScore, "openat", .argument(2, is: openedForWriting))),
            ]
            for (operation, fault) in cases {
                let plan = try EncodedPlan([.unshareDescriptors(from: 1_000), operation], kind: .bootstrap)
                #expect(try interpreterFailure(of: plan.bytes)?.step == LAUNCH_STEP_READ_PLAN.rawValue)
                #expect(fault.install(errno))
                let failure = try interpreterFailure(of: plan.bytes)
                #expect(failure?.step == operation.step.rawValue)
                #expect(failure?.error == errno)
            }
        }
    }

    @Test("because programs may not run from memory is avoided by a file without a name")
    func noMemoryFiles() async throws {
        await #expect(processExitsWith: .success) {
            #expect(Fault(.createTrampoline, "memfd_create").install(EACCES))
            let report = try await runProbe(as: TestBed.alice.identity)
            #expect(report.userID == .all(TestBed.alice.userID))
            #expect(report.descriptors.map(\.number) == [0, 1, 2])
        }
    }
}

/// A job that leaves a mark if a single instruction of it runs, and that has an operation for every step.
private func markerCommand(_ marker: FilePath) -> Command {
    var command = Command(.path("/bin/sh"), arguments: ["-c", "echo ran > \(marker)"])
    command.workingDirectory = .path("/")
    command.standardError = .file(freshPath("stream"))
    command.resourceLimits[.openFiles] = ResourceLimits.Limit(soft: 100)
    return command
}

private func expectFailure(
    of fault: Fault,
    in isolation: SetUIDLauncher.Isolation,
    marker: FilePath,
    configure: (inout Command) -> Void = { _ in }
) async throws {
    let person = try await warmedUp(isolation)
    let launcher = SetUIDLauncher(isolation: isolation)
    var command = markerCommand(marker)
    configure(&command)
    let descriptors = try await openDescriptorCount()
    for errno in [EPERM, EAGAIN, ENOMEM] {
        #expect(fault.install(errno))
        let error = try await launchError(command, as: person, launcher)
        #expect(error.step == LaunchStep(rawValue: fault.step), "\(error)")
        if fault.reportsItsError {
            #expect(error.errno == Errno(rawValue: errno), "\(error)")
        }
        #expect(error.account == person.account.name)
        #expect(!error.message.isEmpty)
        #expect(!hasChildren())
    }
    // The runtime may have opened one of its own meanwhile; what a failed launch leaks, three of them leak three times.
    #expect(try await openDescriptorCount() < descriptors + 3)
    #expect(!exists(marker))
}
