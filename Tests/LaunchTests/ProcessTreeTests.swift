import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The processes of a job in a cgroup", .testBed, .controlGroups)
struct ControlGroupTests {
    @Test(
        "are all ended with it where they have a cgroup",
        arguments: StubbornJob.all,
        JobEnding.allCases
    )
    func withControlGroup(_ name: String, _ ending: JobEnding) async throws {
        let path = TestBed.controlGroups
        let groups = try ControlGroups(below: path)
        let label = "\(name), \(ending)"
        let process = try await StubbornJob.start(name, SetUIDLauncher(controlGroups: groups), label: label)
        guard case .controlGroup(let group) = process.report.containment else {
            Issue.record("the job has no cgroup")
            return
        }
        let report = try await ending.end(process)
        #expect(report.remainingProcesses == 0)
        #expect(report.interruption == ending.interruption)
        let events = (try? ProcFile.read(group.appending("cgroup.events"))) ?? ""
        #expect(!events.contains("populated 1"))
        #expect(try StubbornJob.leftovers(of: label) == [])
        // The directory goes with the last process of the job.
        while exists(group) { await Task.yield() }
    }

    @Test("end with the first of them where that is asked for")
    func endOfTheFirst() async throws {
        let path = TestBed.controlGroups
        for launcher in [SetUIDLauncher(controlGroups: try ControlGroups(below: path)), SetUIDLauncher()] {
            let ready = freshPath("ready")
            var command = Command(
                .path("/bin/sh"),
                arguments: ["-c", "(echo x > \(ready); exec sleep 987654) & until [ -e \(ready) ]; do :; done; exit 3"]
            )
            command.descendants = .end
            let process = try await launcher.launch(patient(command), as: TestBed.bob.identity)
            #expect(try await process.exitReport().status == .exited(3))
            while try commands(of: TestBed.bob.userID).contains(where: { $0.contains("987654") }) { await Task.yield() }
        }
    }

    @Test("that outlive the first of them cost the daemon nothing once nobody holds the job")
    func outliving() async throws {
        await #expect(processExitsWith: .success) {
            let launcher = SetUIDLauncher(controlGroups: try ControlGroups(below: TestBed.controlGroups))
            let person = try await TestBed.alice.identity
            _ = try await runScript("exit 0", as: person, launcher)
            let before = try await openDescriptorCount()
            var sleepers: [Int32] = []
            for _ in 0..<10 {
                let result = try await runScript("exec 3<&0; sleep 3600 <&3 & echo $!", as: person, launcher) {
                    $0.standardInput = .bytes([UInt8](repeating: 0, count: 1 << 20))
                }
                sleepers.append(try #require(Int32(result.text.split(separator: "\n").last ?? "")))
            }
            #expect(try await openDescriptorCount() <= before)
            for sleeper in sleepers { #expect(kill(sleeper, SIGKILL) == 0) }
        }
    }

    @Test("are in the cgroup before the first instruction of the job, and not the daemon's")
    func membership() async throws {
        let path = TestBed.controlGroups
        let launcher = SetUIDLauncher(controlGroups: try ControlGroups(below: path))
        let result = try await run(
            Command(.path("/bin/cat"), arguments: ["/proc/self/cgroup"]),
            as: TestBed.alice.identity,
            launcher
        )
        guard case .controlGroup(let group) = result.process.report.containment else {
            Issue.record("the job has no cgroup")
            return
        }
        let name = try #require(group.lastComponent).string
        #expect(result.text.split(separator: "\n").last?.hasSuffix("/\(name)") == true)
        #expect(try !ProcFile.read("/proc/self/cgroup").contains(name))
    }

    @Test("enter their cgroup by themselves where a filter forbids the system call that clones into it")
    func joining() async throws {
        let path = TestBed.controlGroups.string
        await #expect(processExitsWith: .success) { [path = path as String] in
            let person = try await warmedUp(.isolated)
            let launcher = SetUIDLauncher(controlGroups: try ControlGroups(below: FilePath(path)))
            #expect(Fault(.clone, "clone3").install(ENOSYS))
            let result = try await run(
                Command(.path("/bin/cat"), arguments: ["/proc/self/cgroup"]),
                as: person,
                launcher
            )
            #expect(result.text.contains("/job-"))
            #expect(Fault(.joinControlGroup, "write", .argument(2, is: 1)).install(EBUSY))
            let error = try await launchError(Command(.path("/bin/true")), as: person, launcher)
            #expect(error.step == .joinControlGroup)
            #expect(!hasChildren())
        }
        while try !groups(below: FilePath(path)).isEmpty { await Task.yield() }
    }

    @Test("cannot leave their cgroup, freeze it, or kill that of others")
    func confinement() async throws {
        let path = TestBed.controlGroups
        let launcher = SetUIDLauncher(controlGroups: try ControlGroups(below: path))
        let script = """
            for file in \(path)/cgroup.procs \(path)/*/cgroup.procs \(path)/*/cgroup.freeze \(path)/*/cgroup.kill; do
                echo $$ > $file && echo wrote $file
            done 2>/dev/null; mkdir \(path)/own \(path)/job*/own 2>/dev/null && echo made; true
            """
        let result = try await runScript(script, as: TestBed.alice.identity, launcher)
        #expect(result.text == "")
    }

    @Test("have no limits where no controller keeps them; nothing runs then")
    func limits() async throws {
        var command = Command(.path("/bin/true"))
        command.treeLimits.processes = 5
        let without = try await launchError(command, as: TestBed.alice.identity)
        #expect(without.step == .createControlGroup)
        guard !TestBed.hasControllers else { return }
        let launcher = SetUIDLauncher(controlGroups: try ControlGroups(below: TestBed.controlGroups))
        let error = try await launchError(command, as: TestBed.alice.identity, launcher)
        #expect(error.code == .notPermitted)
        #expect(error.step == .createControlGroup)
        #expect(error.message.contains("+pids"))
    }

    @Test("leave no cgroup behind when the launch fails")
    func failedLaunch() async throws {
        let path = TestBed.controlGroups
        let launcher = SetUIDLauncher(controlGroups: try ControlGroups(below: path))
        _ = try await launchError(Command(.path("/nonexistent")), as: TestBed.alice.identity, launcher)
        while try !groups(below: path).isEmpty { await Task.yield() }
    }

    @Test("get no cgroup below one that an account could write to")
    func foreignPlace() throws {
        let path = TestBed.controlGroups.appending("foreign-\(getpid())")
        #expect(unsafe mkdir(path.string, 0o755) == 0)
        defer { _ = unsafe rmdir(path.string) }
        #expect(unsafe chown(path.string, TestBed.alice.userID, 0) == 0)
        let error = #expect(throws: LaunchError.self) { try ControlGroups(below: path) }
        #expect(error?.message.contains("2001") == true)
    }

    @Test("get no cgroup below one of threads, where the kernel lets no process in")
    func threads() throws {
        let path = TestBed.controlGroups.appending("threads-\(getpid())")
        let threaded = path.appending("below")
        for made in [path, threaded] { #expect(unsafe mkdir(made.string, 0o755) == 0) }
        defer {
            for made in [threaded, path] { _ = unsafe rmdir(made.string) }
        }
        let file = try FileDescriptor.open(threaded.appending("cgroup.type"), .writeOnly)
        _ = try file.closeAfter { try file.writeAll("threaded".utf8) }
        for (place, type) in [(path, "domain threaded"), (threaded, "threaded")] {
            let error = #expect(throws: LaunchError.self) { try ControlGroups(below: place) }
            #expect(error?.message.contains("is a group of threads (its cgroup.type is '\(type)')") == true)
        }
    }
}

@Suite("The processes of a job without a cgroup", .testBed)
struct ProcessTreeTests {
    @Test(
        "are all ended with it, those that a session scan can find",
        arguments: StubbornJob.survivors,
        everyIsolation
    )
    func withoutControlGroup(_ name: String, _ isolation: SetUIDLauncher.Isolation) async throws {
        let process = try await StubbornJob.start(name, SetUIDLauncher(isolation: isolation))
        #expect(process.report.containment == .session)
        try await process.terminate(gracePeriod: .milliseconds(100))
        // What was killed is a zombie until the init process has looked.
        while try !StubbornJob.leftovers(of: name).isEmpty { await Task.yield() }
    }

    @Test("are all ended with it also when they get no time", arguments: StubbornJob.survivors)
    func withoutGrace(_ name: String) async throws {
        let process = try await StubbornJob.start(name, SetUIDLauncher())
        try await process.terminate(gracePeriod: .zero)
        while try !StubbornJob.leftovers(of: name).isEmpty { await Task.yield() }
    }

    @Test("get no cgroup in a place that others can write to, or that is none", arguments: ["/tmp", "/nonexistent"])
    func unsafePlaces(_ path: String) {
        let error = #expect(throws: LaunchError.self) { try ControlGroups(below: FilePath(path)) }
        #expect(error?.step == .createControlGroup)
        #expect(error?.message.contains(path) == true)
    }
}

private func commands(of user: UInt32) throws -> [String] {
    try ProcFile.processes()
        .compactMap { process in
            guard let status = try? ProcFile.read(FilePath("/proc/\(process)/status")),
                status.contains("Uid:\t\(user)\t"), !status.contains("State:\tZ")
            else { return nil }
            return try? ProcFile.read(FilePath("/proc/\(process)/cmdline"))
        }
}

private func groups(below path: FilePath) throws -> [String] {
    guard let directory = unsafe opendir(path.string) else { throw Errno(rawValue: errno) }
    defer { unsafe closedir(directory) }
    return unsafe DirectoryNames(directory).filter { $0.hasPrefix("job-\(getpid())-") }
}
