import Glibc
import SystemPackage
import Testing

@testable import Impersonation

/// A way from a daemon to a process of another account: those that every Debian has, and those of the library.
enum DifferenceColumn: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case sudoProgram = "`sudo -u`"
    case runuser = "`runuser -u`"
    case su = "`su -c`"
    case setuid = "setuid"
    case direct = "direct"
    case helper = "helper"
    case pam = "pam"
    case sudo = "sudo"
    case current = "current"

    var testDescription: String { rawValue }

    /// The command line of a program that is no part of the library.
    func commandLine(_ words: [String]) -> [String]? {
        switch self {
        case .sudoProgram: [TestBed.sudo.string, "-n", "-u", TestBed.alice.name, "--"] + words
        case .runuser: ["/usr/sbin/runuser", "-u", TestBed.alice.name, "--"] + words
        case .su: ["/usr/bin/su", TestBed.alice.name, "-c", words.joined(separator: " ")]
        default: nil
        }
    }

    /// The launcher of a way of the library.
    func launcher(_ socket: FilePath) -> (any ProcessLauncher)? {
        switch self {
        case .sudoProgram, .runuser, .su: nil
        case .setuid: SetUIDLauncher(isolation: .isolated)
        case .direct: SetUIDLauncher(isolation: .direct)
        case .helper: SystemHelperLauncher(socket: socket)
        case .pam: PAMLauncher(through: SystemHelperLauncher(socket: socket), service: LaunchWay.service)
        case .sudo: SudoLauncher.ofTheBed()
        case .current: CurrentUserLauncher()
        }
    }

    var needsHelper: Bool { self == .helper || self == .pam }

    /// Makes this process the daemon that the way is for.
    func becomeDaemon() {
        switch self {
        case .sudoProgram, .runuser, .su, .setuid, .direct: UnusualDaemon.become(0, groups: [UnusualDaemon.group])
        case .helper, .pam, .sudo: UnusualDaemon.become(RunningHelper.daemon, groups: [UnusualDaemon.group])
        case .current: UnusualDaemon.become(TestBed.alice.userID, groups: TestBed.alice.groups)
        }
    }

    /// The identity of the job, looked up before this process is that daemon.
    var identity: ExecutionIdentity {
        get async throws {
            let person = try await TestBed.alice.identity
            guard self == .current else { return person }
            return ExecutionIdentity(
                admitted: person.account,
                login: person.login,
                mode: .desktop,
                method: .keepCurrentAccount
            )
        }
    }
}
