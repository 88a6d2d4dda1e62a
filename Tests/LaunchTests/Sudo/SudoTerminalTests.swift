import CLaunchPlan
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("Terminals behind sudo", .testBed)
struct SudoTerminalTests {
    /// Makes this process a daemon that somebody has started by hand, at a terminal.
    private static func takeTerminal() throws {
        var ends: (master: Int32, slave: Int32) = (-1, -1)
        try #require(unsafe linux_terminal_create(&ends.master, &ends.slave, 24, 80) == 0)
        try #require(setsid() > 0)
        try #require(ioctl(ends.slave, UInt(TIOCSCTTY), 0) == 0)
        try #require(fchmod(ends.slave, 0o666) == 0)
        let terminal = unsafe open("/dev/tty", O_RDWR | O_CLOEXEC)
        try #require(terminal >= 0, "it is a daemon at a terminal")
    }

    /// A way for `sudo` to be set up, and a daemon to be started.
    enum Surroundings: String, CaseIterable, Sendable {
        case plain, usePTY, usePTYAtTerminal

        var rule: String { self == .plain ? "Defaults:renderd !use_pty" : "Defaults:renderd use_pty" }

        func becomeDaemon() throws {
            if self == .usePTYAtTerminal { try SudoTerminalTests.takeTerminal() }
            becomeUnprivilegedDaemon()
        }
    }

    /// What is to be so for a daemon, whatever surrounds it.
    private enum Claim: String {
        case own, none, background

        func check() async throws {
            switch self {
            case .own: try await SudoTerminalTests.checkOwn()
            case .none: try await SudoTerminalTests.checkNone()
            case .background: try await SudoTerminalTests.checkBackground()
            }
        }
    }

    private func expect(_ claim: Claim, in surroundings: Surroundings) async throws {
        let rule = try SudoRule(surroundings.rule)
        await #expect(processExitsWith: .success) {
            [surroundings = surroundings.rawValue as String, claim = claim.rawValue as String] in
            try #require(Surroundings(rawValue: surroundings)).becomeDaemon()
            try await #require(Claim(rawValue: claim)).check()
        }
        rule.remove()
    }

    @Test("are the job's own where it is to have one", arguments: Surroundings.allCases)
    func own(_ surroundings: Surroundings) async throws {
        try await expect(.own, in: surroundings)
    }

    private static func checkOwn() async throws {
        var command = Command(
            .path("/bin/sh"),
            arguments: ["-c", "test -t 0 && test -t 1 && tty -s </dev/tty && stty size && exit 7"]
        )
        command.terminal = .pseudoterminal(rows: 24, columns: 80, type: "xterm")
        let process = try await SudoLauncher.ofTheBed().launch(patient(command), as: TestBed.alice.identity)
        var said: [UInt8] = []
        for try await chunk in try #require(process.terminal).output { said += chunk }
        #expect(String(decoding: said, as: UTF8.self) == "24 80\r\n")
        #expect(try await process.exitReport().status == .exited(7))
    }

    @Test(
        "are nobody's where it is to have none: neither the daemon's, nor one that sudo makes",
        arguments: Surroundings.allCases
    )
    func none(_ surroundings: Surroundings) async throws {
        try await expect(.none, in: surroundings)
    }

    private static func checkNone() async throws {
        var command = Command(.path(FilePath(TestBed.probe)))
        command.standardInput = .bytes([1])
        let result = try await run(command, as: TestBed.alice.identity, SudoLauncher.ofTheBed())
        let report = try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
        #expect(report.controllingTerminal == 0)
        #expect(report.session == report.process)
        #expect(report.descriptors.map(\.type) == ["socket", "socket", "socket"])
    }

    @Test(
        "or not: sudo stays for the job's own end, and for no process that it leaves behind",
        arguments: Surroundings.allCases
    )
    func background(_ surroundings: Surroundings) async throws {
        try await expect(.background, in: surroundings)
    }

    private static func checkBackground() async throws {
        let left = freshPath("left")
        let script = "sleep 100000 & echo $! >\(left); (sleep 0.3; kill -USR1 $$) & trap 'exit 5' USR1; wait; wait"
        let process = try await SudoLauncher.ofTheBed()
            .launch(patient(Command(.path("/bin/sh"), arguments: ["-c", script])), as: TestBed.alice.identity)
        #expect(try await process.exitReport().status == .exited(5))
        let other = try #require(Int32(ProcFile.read(left).filter(\.isNumber)))
        #expect(ProcessStart.time(of: other) != nil)
        #expect(try await process.terminate(gracePeriod: .zero).remainingProcesses == 0)
        for _ in 0..<1_000 where ProcessStart.time(of: other) != nil { try await Task.sleep(for: .milliseconds(5)) }
        #expect(ProcessStart.time(of: other) == nil)
    }
}
