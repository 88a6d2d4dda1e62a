import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

/// Jobs without a cgroup that make as much work as they can for the process of the helper that looks after them.
@Suite("Who of a job has lost his parent, and ends or forks all the time", .testBed)
struct HelperOrphanFloodTests {
    private static let everybody: [RunningHelper.Privileges] = [
        .root, .packaged, .packagedWithoutKill, .twoCapabilities,
    ]

    private func launcher(_ helper: RunningHelper) -> SystemHelperLauncher {
        SystemHelperLauncher(socket: helper.socket, helperUserIDs: [UserID(0), UserID(RunningHelper.account)])
    }

    /// How many of the children of a process have ended and were not reaped, of those that have that name.
    private func zombies(of process: pid_t, named name: String) -> Int {
        KeptSessionProcesses.children(of: process)
            .count {
                KeptSessionProcesses.state(of: $0) == "Z"
                    && (try? ProcFile.read(FilePath("/proc/\($0)/comm"))) == "\(name)\n"
            }
    }

    @Test("is no zombie for longer than a moment: those count against the limits of the account", arguments: everybody)
    func zombies(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(privileges, policy: ["peers = 0"])
        let (gate, done) = (freshPath("gate"), freshPath("done"))
        let script = """
            while ! [ -e \(gate) ]; do sleep 0.01; done
            for i in $(seq 300); do setsid -f true; done; echo > \(done); exec sleep 100000
            """
        let process = try await launcher(helper)
            .launch(patient(Command(.path("/bin/sh"), arguments: ["-c", script])), as: TestBed.alice.identity)
        let monitor = try ProcessStat(of: process.processID.rawValue).parent
        // However many of them it is told of by one signal.
        try await KeptSessionProcesses.stop([monitor])
        try writeFile("", to: gate)
        try await wait { exists(done) && zombies(of: monitor, named: "true") == 300 }
        #expect(kill(monitor, SIGCONT) == 0)
        try await wait { zombies(of: monitor, named: "true") == 0 }
        #expect(ProcessStart.time(of: process.processID.rawValue) != nil)
        _ = try await process.terminate(gracePeriod: .zero)
    }

    @Test("is ended with his job, also where he is another process with every look", arguments: everybody)
    func chain(_ privileges: RunningHelper.Privileges) async throws {
        let helper = try RunningHelper(privileges, policy: ["peers = 0"])
        for leavesSession in [false, true] {
            let (ready, gate) = (freshPath("ready"), freshPath("gate"))
            // Each generation lives for less time than it takes to look through all processes.
            let links = """
                use POSIX; open my $ready, '>', '\(ready)';
                until (-e '\(gate)') { exit if fork; \(leavesSession ? "POSIX::setsid();" : "") }
                """
            let ends = try FileDescriptor.pipe()
            var command = patient(
                Command(
                    .path("/bin/sh"),
                    arguments: ["-c", "setsid -f perl -e \"$1\"; exec sleep 100000", "sh", links]
                )
            )
            command.standardOutput = .descriptor(ends.writeEnd)
            defer { try? writeFile("", to: gate) }
            let process = try await launcher(helper).launch(command, as: TestBed.alice.identity)
            try ends.writeEnd.close()
            try await wait { exists(ready) }
            let report = try await process.terminate(gracePeriod: .zero)
            // Whoever is left has the pipe.
            var event = pollfd(fd: ends.readEnd.rawValue, events: Int16(POLLIN), revents: 0)
            let isEmpty = unsafe poll(&event, 1, 0) == 1 && event.revents & Int16(POLLHUP) != 0
            #expect(isEmpty, "\(report.remainingProcesses) left")
            #expect(report.remainingProcesses == 0)
            try ends.readEnd.close()
        }
    }

    @Test("wakes nobody who looks after a job that stops and goes on")
    func stops() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let process = try await helper.launcher.launch(
            patient(Command(.path("/bin/sleep"), arguments: ["100000"])),
            as: TestBed.alice.identity
        )
        let leader = process.processID.rawValue
        let monitor = try ProcessStat(of: leader).parent
        func switches() throws -> Int {
            let status = try ProcFile.read(FilePath("/proc/\(monitor)/status"))
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") })
            return try #require(Int(line.drop { !$0.isNumber }))
        }
        // It has told of the start, and waits.
        var before = try switches()
        try await wait {
            let last = before
            before = try switches()
            return last == before && KeptSessionProcesses.state(of: monitor) == "S"
        }
        for _ in 0..<100 {
            #expect(kill(leader, SIGSTOP) == 0)
            try await wait { KeptSessionProcesses.state(of: leader) == "T" }
            #expect(kill(leader, SIGCONT) == 0)
            try await wait { KeptSessionProcesses.state(of: leader) == "S" }
        }
        #expect(try switches() - before < 20)
        _ = try await process.terminate(gracePeriod: .zero)
    }
}
