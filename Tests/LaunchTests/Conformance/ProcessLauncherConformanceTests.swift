import ImpersonationTesting
import Testing

@testable import Impersonation

@Suite("The conformance suite for launchers", .testBed)
struct ProcessLauncherConformanceTests {
    @Test(
        "notices a launcher that",
        arguments: [
            (.runsAsSomebodyElse, "every user id and group id of a job is the account's"),
            (.runsAsSomebodyElse, "the programs of a job see the account"),
            (.losesGroups, "a job has every group of the account"),
            (.keepsBoundingSet, "a job can gain no capability"),
            (.allowsNewPrivileges, "a job can gain no capability"),
            (.addsVariable, "a clean environment is that of the account"),
            (.dropsVariables, "exported variables arrive byte for byte"),
            (.passesArgumentsThroughShell, "arguments arrive byte for byte"),
            (.trimsArguments, "arguments arrive byte for byte"),
            (.forgetsArgumentZero, "a program is told the name it is to have"),
            (.startsInRootDirectory, "a job starts in the account's home"),
            (.fallsBackToRootDirectory, "a directory that the account cannot enter"),
            (.runsBeforeRefusing, "a directory that the account cannot enter"),
            (.keepsMask, "the file mode creation mask"),
            (.keepsLimits, "resource limits are the command's"),
            (.keepsNiceness, "the nice value is the command's"),
            (.mixesOutputs, "bytes are read and then the end of the file"),
            (.capturesWithoutLimit, "what is written beyond the limit"),
            (.inheritsInput, "streams that nobody asked for"),
            (.leaksDescriptor, "a job has no descriptor but"),
            (.reversesDescriptors, "extra descriptors are 3 and upwards"),
            (.ignoresSignal, "every signal has its default effect"),
            (.runsBelowShell, "a report tells backend, process"),
            (.mapsStatuses, "an exit status is the job's own"),
            (.tellsSignalsAsStatuses, "a death by a signal"),
            (.losesUsage, "the end waits for the output"),
            (.reportsOtherBackend, "a report tells backend, process"),
            (.takesTimeOutOfTheReport, "a report tells backend, process"),
            (.signalsTheDead, "a signal reaches the job, and nobody"),
            (.grantsNoGrace, "a job that is told to end politely"),
            (.leavesDescendants, "ending a job ends what it has started"),
            (.leavesDescendants, "a job whose time is up"),
            (.leavesDescendants, "a job ends, with what it has started, with the task"),
            (.asksTwice, "a job that two end at once"),
            (.hidesItsEnd, "a job that ends in time"),
            (.startsSomethingElse, "a program that is not there"),
            (.shortensDeadline, "a launch that does not come in time"),
            (.ignoresCancellation, "a launch of a task that is cancelled"),
            (.takesAnyIdentity, "an identity that the backend is not for"),
            (.skipsProfile, "a login environment is what"),
            (.parsesArgumentsBehindShell, "a program behind a login shell"),
            (.forgetsTerminal, "a terminal is the job's own"),
            (.forgetsSizeOfTerminal, "a terminal is the job's own"),
            (.ignoresTreeLimits, "a limit holds for all processes"),
            (.losesReference, "a running job is taken over"),
            (.takesOverAnybody, "a running job is taken over"),
            (.takesOverTheNumber, "a running job is taken over"),
        ] as [(FaultyLauncher.Fault, String)]
    )
    func notices(fault: FaultyLauncher.Fault, promise: String) async throws {
        let requirement = try requirement(promise)
        var subject = try await Self.subject(FaultyLauncher(fault))
        if fault == .leavesDescendants { subject.patience = .seconds(2) }
        try await mustFail(requirement, subject)
        // The same launcher without its fault keeps the promise: it is the fault that is noticed.
        try await requirement.check(Self.subject(SetUIDLauncher()))
    }

    @Test(
        "notices an exemption that a launcher does not need",
        arguments: [
            (.boundingSetIsKept, "a job can gain no capability"),
            (.onlyTheFirstProcessIsEnded, "ending a job ends what it has started"),
            (.terminalsAreRefused, "a terminal is the job's own"),
            (.jobsAreNotTakenOver, "a running job is taken over"),
        ] as [(LauncherExemption, String)]
    )
    func exemptions(exemption: LauncherExemption, promise: String) async throws {
        var subject = try await Self.subject(SetUIDLauncher())
        subject.exemptions = [exemption]
        let requirement = try requirement(promise)
        try await mustFail(requirement, subject)
    }

    @Test("checks everything with a subject of its own")
    func checkAll() async throws {
        var made = 0
        try await ProcessLauncherConformance.checkAll {
            made += 1
            return try await Self.subject(SetUIDLauncher())
        }
        #expect(made == ProcessLauncherConformance.requirements.count)
        #expect(Set(ProcessLauncherConformance.requirements.map(\.name)).count == made)
    }

    @Test("names the requirement and what threw, when a launcher throws where it should not")
    func thrownErrors() async throws {
        let requirement = try #require(ProcessLauncherConformance.requirements.first)
        let error = LaunchError(.helperUnavailable, step: .connect, message: "nobody is there")
        let launcher = RecordingLauncher(script: [.fails(error)])
        let subject = try await Self.subject(launcher)
        let failure = try await mustFail(requirement, subject)
        #expect(failure?.underlyingError as? LaunchError == error)
    }

    @discardableResult
    private func mustFail(
        _ requirement: ProcessLauncherConformance.Requirement,
        _ subject: LauncherUnderTest
    ) async throws -> ConformanceFailure? {
        let failure = await #expect(throws: ConformanceFailure.self) { try await requirement.check(subject) }
        #expect(failure?.requirement == requirement.name)
        return failure
    }

    /// What the launcher of these tests cannot promise without cgroups.
    private static let exemptions: Set<LauncherExemption> = [.treeLimitsAreRefused]

    private static func subject(_ launcher: any ProcessLauncher) async throws -> LauncherUnderTest {
        LauncherUnderTest(
            launcher,
            as: try await TestBed.alice.identity,
            exemptions: exemptions,
            patience: ample
        )
    }

    private func requirement(_ prefix: String) throws -> ProcessLauncherConformance.Requirement {
        try #require(ProcessLauncherConformance.requirements.first { $0.name.hasPrefix(prefix) })
    }
}
