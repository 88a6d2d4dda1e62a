import CLaunchPlan
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan
@testable import LaunchProtocol

/// `PIDFD_GET_INFO` of `linux/pidfd.h`, as the filter sees it.
private let askTheKernel = Fault(.verifyOutside, "ioctl", .argument(1, is: 0xC040_FF0B))

/// What the kernel of this machine makes of a look that is not to cost anything.
private var attestationOfThisKernel: Attestation {
    let own = linux_pidfd_open(getpid())
    defer { close(own) }
    var credentials = launch_credentials()
    return unsafe launch_credentials_of(own, &credentials) == 0 ? .kernel : .none(.kernelDoesNotTell)
}

@Suite("A job seen from outside", .testBed)
struct AttestationTests {
    @Test("is who it was to become, by the word of the kernel", arguments: TestBed.people)
    func kernel(_ person: TestBed.Person) async throws {
        let result = try await run(Command(.path("/bin/true")), as: person.identity)
        #expect(result.process.report.attestation == attestationOfThisKernel)
    }

    @Test("is who it was to become, by /proc where the kernel does not tell and the launcher insists")
    func files() async throws {
        let groups = TestBed.controlGroups.string
        await #expect(processExitsWith: .success) { [groups = groups as String] in
            let person = try await warmedUp(.isolated)
            // The last two say of a process that runs that it is none of this pid namespace.
            for errno in [ENOTTY, EINVAL, EPERM, ENOSYS, ESRCH, EREMOTE] {
                #expect(askTheKernel.install(errno))
                let content = try await run(Command(.path("/bin/true")), as: person)
                #expect(content.process.report.attestation == .none(.kernelDoesNotTell))
                var launchers = [SetUIDLauncher(attestation: .always)]
                if !groups.isEmpty {
                    let groups = try ControlGroups(below: FilePath(groups))
                    launchers.append(SetUIDLauncher(controlGroups: groups, attestation: .always))
                }
                for launcher in launchers {
                    let insistent = try await run(Command(.path("/bin/true")), as: person, launcher)
                    #expect(insistent.process.report.attestation == .procfs)
                }
            }
        }
    }

    @Test("is looked at by /proc in direct mode")
    func direct() async throws {
        let launcher = SetUIDLauncher(isolation: .direct)
        let result = try await run(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
        #expect(result.process.report.attestation == .procfs)
    }

    @Test("is looked at also when it has ended by then, with a cgroup and without", .controlGroups)
    func shortJobs() async throws {
        let groups = try ControlGroups(below: TestBed.controlGroups)
        let person = try await TestBed.bob.identity
        for _ in 0..<25 {
            for launcher in [SetUIDLauncher(), SetUIDLauncher(controlGroups: groups, attestation: .always)] {
                let result = try await run(Command(.path("/bin/true")), as: person, launcher)
                let expected = attestationOfThisKernel
                #expect(
                    result.process.report.attestation
                        == (expected == .kernel || launcher.attestation == .whenTheKernelOffersIt ? expected : .procfs)
                )
            }
        }
    }

    @Test("of the worker's own account is looked at as well")
    func desktop() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await TestBed.carol.identity
            #expect(setgid(TestBed.carol.groupID) == 0)
            #expect(setuid(TestBed.carol.userID) == 0)
            let own = ExecutionIdentity(
                admitted: person.account,
                login: person.login,
                mode: .desktop,
                method: .keepCurrentAccount
            )
            let result = try await run(Command(.path("/bin/true")), as: own, CurrentUserLauncher())
            #expect(result.process.report.attestation == attestationOfThisKernel)
        }
    }

    @Test("that may gain privileges may be somebody else by right", arguments: everyIsolation)
    func privileges(_ isolation: SetUIDLauncher.Isolation) async throws {
        var command = Command(.path("/bin/true"))
        command.noNewPrivileges = false
        let launcher = SetUIDLauncher(isolation: isolation, attestation: .always)
        let result = try await run(command, as: TestBed.alice.identity, launcher)
        #expect(result.process.report.attestation == .none(.jobMayGainPrivileges))
    }

    @Test("and is somebody else is killed, and the launch fails")
    func lie() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await warmedUp(.isolated)
            // The call claims to have worked and tells nothing: every id stays 0.
            #expect(askTheKernel.install(0))
            let error = try await launchError(Command(.path("/bin/sleep"), arguments: ["1000"]), as: person)
            #expect(error.code == .verificationFailed)
            #expect(error.step == .verifyOutside)
            #expect(error.account == person.account.name)
            #expect(error.message.contains("2001"))
            #expect(!hasChildren())
        }
    }

    @Test("differs by any id, by a group, and by its cgroup, for whoever is asked", .controlGroups)
    func differences() async throws {
        let groups = try ControlGroups(below: TestBed.controlGroups)
        let launcher = SetUIDLauncher(controlGroups: groups)
        let command = Command(.path("/bin/sleep"), arguments: ["1000"])
        let process = try await launcher.launch(patient(command), as: TestBed.alice.identity)
        let other = try groups.parent.makeGroup(ControlGroupLimits())
        defer { other.remove() }
        let child = StartedChild(
            processID: process.processID.rawValue,
            processDescriptor: OwnedDescriptor(linux_pidfd_open(process.processID.rawValue))
        )
        let own = ChildPlan.Credentials(userID: 2001, groupID: 2001, groups: TestBed.alice.groups)
        func verdicts(_ credentials: ChildPlan.Credentials, in group: ControlGroup? = nil) -> [Attestor.Verdict] {
            let attestor = Attestor(
                credentials: credentials,
                comparesGroups: true,
                group: group.map { ExpectedGroup($0) }
            )
            let byFiles = child.processDescriptor.withOpen { attestor.lookInFiles(at: child.processID, $0) }
            return attestationOfThisKernel == .kernel
                ? [byFiles, attestor.look(at: child, .whenTheKernelOffersIt)] : [byFiles]
        }
        func isRefused(_ verdict: Attestor.Verdict) -> Bool {
            if case .difference = verdict { true } else { false }
        }
        #expect(verdicts(own).first == .agreement(.procfs))
        #expect(!verdicts(own).contains(where: isRefused))
        var credentials = own
        credentials.userID = 2002
        #expect(verdicts(credentials).allSatisfy(isRefused))
        credentials = own
        credentials.groupID = 2002
        #expect(verdicts(credentials).allSatisfy(isRefused))
        credentials = own
        credentials.groups.append(3003)
        // The kernel does not tell the supplementary groups by the descriptor.
        #expect(verdicts(credentials).first.map(isRefused) == true)
        #expect(verdicts(own, in: other).allSatisfy(isRefused))
        try await process.terminate(gracePeriod: .zero)
    }

    @Test("is not mistaken for somebody else when it has made a user namespace of its own")
    func userNamespace() async throws {
        var command = Command(
            .path("/usr/bin/unshare"),
            arguments: ["--user", "--map-root-user", "/bin/sh", "-c", "id -u; exec sleep 1000"]
        )
        command.standardOutput = .stream
        let process = try await SetUIDLauncher().launch(patient(command), as: TestBed.alice.identity)
        var lines = try #require(process.standardOutput).makeAsyncIterator()
        let said = try await lines.next()
        #expect(said.map { String(decoding: $0, as: UTF8.self) } == "0\n")
        let child = StartedChild(
            processID: process.processID.rawValue,
            processDescriptor: OwnedDescriptor(linux_pidfd_open(process.processID.rawValue))
        )
        let attestor = Attestor(
            credentials: ChildPlan.Credentials(userID: 2001, groupID: 2001, groups: TestBed.alice.groups),
            comparesGroups: true,
            group: nil
        )
        #expect(attestor.look(at: child, .whenTheKernelOffersIt) == .agreement(attestationOfThisKernel))
        #expect(
            child.processDescriptor.withOpen { attestor.lookInFiles(at: child.processID, $0) } == .agreement(.procfs)
        )
        try await process.terminate(gracePeriod: .zero)
    }

    @Test("is in a cgroup that the daemon does not see, by its name in /proc", .controlGroups)
    func unseenGroup() async throws {
        let groups = try ControlGroups(below: TestBed.controlGroups)
        let command = patient(Command(.path("/bin/sleep"), arguments: ["1000"]))
        let process = try await SetUIDLauncher(controlGroups: groups).launch(command, as: TestBed.alice.identity)
        guard case .controlGroup(let path) = process.report.containment, let name = path.lastComponent else {
            Issue.record("the job has no cgroup")
            return
        }
        let number = process.processID.rawValue
        let child = StartedChild(
            processID: number,
            processDescriptor: OwnedDescriptor(linux_pidfd_open(number))
        )
        func verdict(_ group: FilePath) -> Attestor.Verdict {
            let attestor = Attestor(
                credentials: ChildPlan.Credentials(userID: 2001, groupID: 2001, groups: TestBed.alice.groups),
                comparesGroups: true,
                group: ExpectedGroup(at: group)
            )
            return attestor.look(at: child, .always)
        }
        #expect(verdict(path) == .agreement(attestationOfThisKernel == .kernel ? .kernel : .procfs))
        #expect(verdict(FilePath("/nowhere").appending(name)) == .agreement(.procfs))
        for other in ["/nowhere/\(name)x", "/nowhere", "/"] {
            #expect(verdict(FilePath(other)) == .difference("it is not in its cgroup \(other)"))
        }
        try await process.terminate(gracePeriod: .zero)
        #expect(verdict(FilePath("/nowhere").appending(name)) == .agreement(.none(.jobHasEnded)))
    }

    @Test("is looked at by the number that it has here, whichever the helper tells, and not named by that")
    func foreignNumber() async throws {
        let command = patient(Command(.path("/bin/sleep"), arguments: ["1000"]))
        let process = try await SetUIDLauncher().launch(command, as: TestBed.alice.identity)
        let number = process.processID.rawValue
        let descriptor = OwnedDescriptor(linux_pidfd_open(number))
        #expect(ProcFile.process(of: descriptor.rawValue) == number)
        let attestor = Attestor(
            credentials: ChildPlan.Credentials(userID: 2001, groupID: 2001, groups: TestBed.alice.groups),
            comparesGroups: true,
            group: nil
        )
        // A helper in another pid namespace would tell a number that here is somebody else's.
        #expect(attestor.lookInFiles(at: getpid(), descriptor.rawValue) == .agreement(.procfs))
        #expect(JobReference.of(StartedChild(processID: getpid(), processDescriptor: descriptor)) == nil)
        let own = try #require(JobReference.of(StartedChild(processID: number, processDescriptor: descriptor)))
        #expect(own.processID == number)
        try await process.terminate(gracePeriod: .zero)
        #expect(ProcFile.process(of: descriptor.rawValue) == -1)
        #expect(attestor.lookInFiles(at: getpid(), descriptor.rawValue) == .agreement(.none(.jobHasEnded)))
    }

    @Test("is nobody any more when the kernel has reaped it, and that is no difference")
    func reaped() async throws {
        var process: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("true"), nil]
        defer { unsafe free(arguments[0]) }
        try #require(unsafe posix_spawn(&process, "/bin/true", nil, nil, &arguments, nil) == 0)
        let child = StartedChild(
            processID: process,
            processDescriptor: OwnedDescriptor(linux_pidfd_open(process))
        )
        while waitpid(process, nil, 0) < 0, errno == EINTR {}
        let attestor = Attestor(
            credentials: ChildPlan.Credentials(userID: 2001, groupID: 2001, groups: []),
            comparesGroups: true,
            group: nil
        )
        if attestationOfThisKernel == .kernel {
            #expect(attestor.look(at: child, .always) == .agreement(.none(.jobHasEnded)))
        }
        let byFiles = child.processDescriptor.withOpen { attestor.lookInFiles(at: process, $0) }
        #expect(byFiles == .agreement(.none(.jobHasEnded)))
    }

    /// What a helper says of a job that it has not started.
    enum Report: CaseIterable {
        /// The truth: a process of the account.
        case truth
        /// A process of another account.
        case otherAccount
        /// A process of the account, in a cgroup that it is not in.
        case otherGroup
        /// A process of the account, in a cgroup that is not there.
        case noGroup
    }

    @Test(
        "is not who the system helper says that it is, and the helper is told to end it",
        .controlGroups,
        arguments: Report.allCases
    )
    func falseReport(_ report: Report) async throws {
        let path = freshPath("socket")
        let helper = try FalseHelper(at: path)
        let sleeper = patient(Command(.path("/bin/sleep"), arguments: ["100000"]))
        let who = report == .otherAccount ? TestBed.bob : TestBed.alice
        let job = try await SetUIDLauncher().launch(sleeper, as: who.identity)
        let person = try await TestBed.alice.identity
        let group = try ControlGroups(below: TestBed.controlGroups).parent.makeGroup(ControlGroupLimits())
        defer { group.remove() }
        let launcher = SystemHelperLauncher(socket: path)
        let launch = Task { () async -> Result<LaunchedProcess, LaunchError> in
            do throws(LaunchError) {
                return .success(try await launcher.launch(sleeper, as: person))
            } catch {
                return .failure(error)
            }
        }
        let connection = try await helper.accept()
        _ = try await FalseHelper.next(on: connection)
        try FalseHelper.welcome(connection)
        guard case .launch = try await FalseHelper.next(on: connection).message else {
            Issue.record("the daemon has ordered nothing")
            return
        }
        let claimed: FilePath? =
            switch report {
            case .truth, .otherAccount: nil
            case .otherGroup: group.path
            case .noGroup: group.path.removingLastComponent().appending("job-1-2-3-4-5")
            }
        let started = StartedReport(
            processID: job.processID.rawValue,
            userID: TestBed.alice.userID,
            fellBack: false,
            startNanoseconds: 1,
            controlGroup: claimed
        )
        let descriptor = OwnedDescriptor(linux_pidfd_open(job.processID.rawValue))
        try FalseHelper.tell(.started(started), [descriptor], over: connection)
        guard report != .truth else {
            let process = try await launch.value.get()
            #expect(process.report.attestation == (attestationOfThisKernel == .kernel ? .kernel : .procfs))
            connection.descriptor.closeNow()
            try await job.terminate(gracePeriod: .zero)
            return
        }
        // Nobody else is asked to end it, and nobody else does.
        #expect(try await FalseHelper.next(on: connection).message == .terminate(gracePeriodMilliseconds: 0))
        #expect(ProcessStart.time(of: job.processID.rawValue) != nil)
        try await job.terminate(gracePeriod: .zero)
        connection.descriptor.closeNow()
        let outcome = await launch.value
        let error = try #require(throws: LaunchError.self) { try outcome.get() }
        #expect(error.code == .verificationFailed, "\(error)")
        #expect(error.step == .verifyOutside)
        let difference = claimed.map { "it is not in its cgroup \($0)" } ?? "\(TestBed.alice.userID)"
        #expect(error.message.contains(difference), "\(error)")
    }
}
