import Faults
import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The end of a daemon that launches by itself", .testBed)
struct DaemonEndTests {
    /// Has a daemon launch a job, and end.
    ///
    /// - Parameters:
    ///   - policy: What becomes of the job then.
    ///   - isolation: How it is launched.
    ///   - path: Its program.
    ///   - arguments: Its arguments.
    ///   - mayGainPrivileges: Whether an exec may make somebody else of it.
    /// - Returns: What it is taken over by.
    /// - Throws: When it cannot be launched.
    private func leaveJob(
        _ policy: DaemonEndPolicy,
        _ isolation: SetUIDLauncher.Isolation,
        _ path: FilePath = "/bin/sleep",
        _ arguments: [String] = ["100000"],
        mayGainPrivileges: Bool = false
    ) async throws -> JobReference {
        let note = freshPath("reference").string
        await #expect(processExitsWith: .success) {
            [
                note = note as String, ends = (policy == .end) as Bool, isDirect = (isolation == .direct) as Bool,
                path = path.string as String, arguments = arguments as [String],
                mayGainPrivileges = mayGainPrivileges as Bool
            ] in
            var command = patient(Command(.path(FilePath(path)), arguments: arguments))
            command.daemonEnd = ends ? .end : .goOn
            command.noNewPrivileges = !mayGainPrivileges
            let process = try await SetUIDLauncher(isolation: isDirect ? .direct : .isolated)
                .launch(command, as: TestBed.alice.identity)
            let reference = try #require(process.reference)
            try writeFile(String(decoding: try JSONEncoder().encode(reference), as: UTF8.self), to: FilePath(note))
        }
        return try JSONDecoder().decode(JobReference.self, from: Data(try ProcFile.read(FilePath(note)).utf8))
    }

    private func isGone(_ reference: JobReference) -> Bool { ProcessStart.time(of: reference.processID) == nil }

    @Test("ends a job that is to end with it", arguments: everyIsolation)
    func end(_ isolation: SetUIDLauncher.Isolation) async throws {
        let reference = try await leaveJob(.end, isolation)
        try await wait { isGone(reference) }
    }

    @Test("leaves a job to the next daemon that is to go on", arguments: everyIsolation)
    func goOn(_ isolation: SetUIDLauncher.Isolation) async throws {
        let reference = try await leaveJob(.goOn, isolation)
        #expect(!isGone(reference))
        let launcher = SetUIDLauncher(isolation: isolation)
        let error = await #expect(throws: LaunchError.self) {
            try await launcher.adopt(reference, as: TestBed.bob.identity)
        }
        #expect(
            error?.description
                .hasPrefix("verificationFailed: could not take over the job as bob, step verifyOutside: process")
                == true
        )
        let process = try await launcher.adopt(reference, as: TestBed.alice.identity)
        #expect(process.processID.rawValue == reference.processID)
        try await process.terminate(gracePeriod: .seconds(5))
        try await wait { isGone(reference) }
    }

    @Test("leaves a job to the next daemon, which signals its group by no number, whatever the kernel")
    func group() async throws {
        let reference = try await leaveJob(.goOn, .isolated, "/bin/sh", ["-c", "sleep 100000 & exec sleep 100000"])
        try await wait { SessionScan.find(group: reference.processID)?.count == 2 }
        let text = String(decoding: try JSONEncoder().encode(reference), as: UTF8.self)
        await #expect(processExitsWith: .success) { [text = text as String] in
            let reference = try JSONDecoder().decode(JobReference.self, from: Data(text.utf8))
            let process = try await SetUIDLauncher().adopt(reference, as: TestBed.alice.identity)
            let members = try #require(SessionScan.find(group: reference.processID))
            // `PIDFD_SIGNAL_PROCESS_GROUP` of `linux/pidfd.h`: as if the kernel were older than 6.9.
            #expect(Fault(.wait, "pidfd_send_signal", .argument(3, is: 4)).install(EINVAL))
            #expect(Fault(.wait, "kill").install(EPERM))
            try process.send(.stop, to: .group)
            for member in members {
                try await wait { try ProcessStat(of: member.process).state == UInt8(ascii: "T") }
            }
            try process.send(.kill, to: .group)
            for member in members { try await wait { ProcessStart.time(of: member.process) == nil } }
            #expect(throws: Errno.noSuchProcess) { try process.send(.kill, to: .group) }
        }
        #expect(isGone(reference))
    }

    @Test("leaves a job to the next daemon that is not told as ended by one who cannot see whether it has")
    func unseen() async throws {
        let reference = try await leaveJob(.goOn, .isolated)
        let text = String(decoding: try JSONEncoder().encode(reference), as: UTF8.self)
        // As with `hidepid=1` of proc(5), and without a descriptor to be had.
        for trouble in [EPERM, EMFILE] {
            await #expect(processExitsWith: .success) { [text = text as String, trouble = trouble as Int32] in
                let reference = try JSONDecoder().decode(JobReference.self, from: Data(text.utf8))
                let alice = try await TestBed.alice.identity
                #expect(reference.bootID == ProcessStart.bootID && ProcFile.showsOwnNamespace)
                #expect(Fault(.prepare, "openat").install(trouble))
                let error = await #expect(throws: LaunchError.self) {
                    try await SetUIDLauncher().adopt(reference, as: alice)
                }
                #expect(error?.code == .stepFailed)
                #expect(error?.errno == Errno(rawValue: trouble))
                #expect(error?.message.contains("it was left alone") == true)
            }
        }
        let process = try await SetUIDLauncher().adopt(reference, as: TestBed.alice.identity)
        try await process.terminate(gracePeriod: .seconds(5))
        try await wait { isGone(reference) }
    }

    @Test("leaves a job to the next daemon that takes over no other one: by another boot or start it has ended")
    func otherJob() async throws {
        let reference = try await leaveJob(.goOn, .isolated)
        let launcher = SetUIDLauncher()
        for change in [
            { $0.bootID = "0e1ff5b6-7a7b-4d3e-8f6a-3f0f6b1f2f1a" }, { $0.startTime += 1 }, { $0.startTime -= 1 },
        ] as [(inout JobReference) -> Void] {
            var other = reference
            change(&other)
            let error = await #expect(throws: LaunchError.self) {
                try await launcher.adopt(other, as: TestBed.alice.identity)
            }
            #expect(error?.code == .statusLost, "\(error)")
            #expect(ProcessStart.time(of: reference.processID) == reference.startTime)
        }
        let process = try await launcher.adopt(reference, as: TestBed.alice.identity)
        try await process.terminate(gracePeriod: .seconds(5))
        try await wait { isGone(reference) }
    }

    @Test("leaves a job to the next daemon that is not told as ended by one in another pid or time namespace")
    func namespaces() async throws {
        let reference = try await leaveJob(.goOn, .isolated)
        try #require(reference.processNamespace != nil && reference.timeNamespace != nil)
        let launcher = SetUIDLauncher()
        for change in [{ $0.processNamespace! += 1 }, { $0.timeNamespace! += 1 }] as [(inout JobReference) -> Void] {
            var foreign = reference
            change(&foreign)
            // Whoever runs under that number here, or nobody.
            for number in [reference.processID, 1, .max] {
                foreign.processID = number
                let error = await #expect(throws: LaunchError.self) {
                    try await launcher.adopt(foreign, as: TestBed.alice.identity)
                }
                #expect(error?.code == .stepFailed)
                #expect(error?.errno == .improperLink)
                #expect(error?.message.contains("another pid or time namespace") == true, "\(error)")
            }
            // No namespace outlives the boot.
            foreign.bootID = "0e1ff5b6-7a7b-4d3e-8f6a-3f0f6b1f2f1a"
            let error = await #expect(throws: LaunchError.self) {
                try await launcher.adopt(foreign, as: TestBed.alice.identity)
            }
            #expect(error?.code == .statusLost)
        }
        // As an earlier version wrote it down.
        var early = reference
        (early.processNamespace, early.timeNamespace) = (nil, nil)
        let process = try await launcher.adopt(early, as: TestBed.alice.identity)
        try await process.terminate(gracePeriod: .seconds(5))
        try await wait { isGone(reference) }
    }

    @Test("leaves a job to the next daemon whose account has other groups since", arguments: everyIsolation)
    func groups(_ isolation: SetUIDLauncher.Isolation) async throws {
        let reference = try await leaveJob(.goOn, isolation)
        let account = try await TestBed.alice.identity.account
        let changed = Account(
            name: account.name,
            userID: account.userID,
            groupID: account.groupID,
            groups: [account.groupID, GroupID(3_999)],
            homeDirectory: account.homeDirectory,
            shell: account.shell
        )
        let person = ExecutionIdentity(admitted: changed, login: changed.name, mode: .user, method: .switchAccount)
        let process = try await SetUIDLauncher(isolation: isolation).adopt(reference, as: person)
        try await process.terminate(gracePeriod: .seconds(5))
        try await wait { isGone(reference) }
    }

    @Test("leaves a job to the next daemon that has become somebody else by right, and to nobody else's")
    func changedIDs() async throws {
        let program = freshPath("becoming-bob")
        let bytes = FileManager.default.contents(atPath: "/bin/sleep")
        try #require(FileManager.default.createFile(atPath: program.string, contents: bytes))
        try #require(unsafe chown(program.string, TestBed.bob.userID, TestBed.bob.groupID) == 0)
        try #require(unsafe chmod(program.string, 0o4755) == 0)
        let reference = try await leaveJob(.goOn, .isolated, program, mayGainPrivileges: true)
        let launcher = SetUIDLauncher()
        let error = await #expect(throws: LaunchError.self) {
            try await launcher.adopt(reference, as: TestBed.bob.identity)
        }
        #expect(error?.message.contains("launched as user id \(TestBed.alice.userID)") == true, "\(error)")
        // As an earlier version wrote it down.
        for change in [{ $0.userID = nil }, { $0.mayGainPrivileges = nil }] as [(inout JobReference) -> Void] {
            var unknown = reference
            change(&unknown)
            await #expect(throws: LaunchError.self) { try await launcher.adopt(unknown, as: TestBed.alice.identity) }
        }
        let process = try await launcher.adopt(reference, as: TestBed.alice.identity)
        #expect(process.report.attestation == .none(.jobMayGainPrivileges))
        try await process.terminate(gracePeriod: .seconds(5))
        try await wait { isGone(reference) }
    }

    @Test(
        "leaves a process alone that is not in the cgroup of its reference, whatever it may have become",
        .controlGroups,
        arguments: [true, false]
    )
    func anotherGroup(_ noNewPrivileges: Bool) async throws {
        let alice = try await TestBed.alice.identity
        let groups = try ControlGroups(below: TestBed.controlGroups)
        var command = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
        command.noNewPrivileges = noNewPrivileges
        let process = try await SetUIDLauncher().launch(command, as: alice)
        let other = try await SetUIDLauncher(controlGroups: groups).launch(command, as: alice)
        var mixed = try #require(process.reference)
        mixed.controlGroup = try #require(other.reference?.controlGroup)
        let error = await #expect(throws: LaunchError.self) { try await SetUIDLauncher().adopt(mixed, as: alice) }
        #expect(error?.code == .verificationFailed)
        #expect(error?.message.contains("it is not in its cgroup") == true, "\(error)")
        for launched in [process, other] {
            #expect(launched.isRunning)
            try await launched.terminate(gracePeriod: .zero)
        }
    }
}
