import SystemPackage

@testable import Impersonation

/// A launcher with one of the mistakes real ones make, to prove that the conformance suite notices each of them.
struct FaultyLauncher: ProcessLauncher {
    enum Fault: Sendable {
        case runsAsSomebodyElse
        case losesGroups
        case keepsBoundingSet
        case allowsNewPrivileges
        case addsVariable
        case dropsVariables
        case passesArgumentsThroughShell
        case trimsArguments
        case forgetsArgumentZero
        case startsInRootDirectory
        case fallsBackToRootDirectory
        case runsBeforeRefusing
        case keepsMask
        case keepsLimits
        case keepsNiceness
        case mixesOutputs
        case capturesWithoutLimit
        case inheritsInput
        case leaksDescriptor
        case reversesDescriptors
        case ignoresSignal
        case runsBelowShell
        case mapsStatuses
        case tellsSignalsAsStatuses
        case losesUsage
        case reportsOtherBackend
        case takesTimeOutOfTheReport
        case signalsTheDead
        case grantsNoGrace
        case leavesDescendants
        case asksTwice
        case hidesItsEnd
        case startsSomethingElse
        case shortensDeadline
        case ignoresCancellation
        case takesAnyIdentity
        case skipsProfile
        case parsesArgumentsBehindShell
        case forgetsTerminal
        case forgetsSizeOfTerminal
        case ignoresTreeLimits
        case losesReference
        case takesOverAnybody
        case takesOverTheNumber
    }

    let fault: Fault
    private let base: SetUIDLauncher

    init(_ fault: Fault, _ groups: ControlGroups? = nil) {
        self.fault = fault
        base = SetUIDLauncher(controlGroups: groups)
    }

    var backend: LaunchBackend { base.backend }

    func launch(_ command: Command, as identity: ExecutionIdentity) async throws(LaunchError) -> LaunchedProcess {
        let (command, identity) = (changed(command), changed(identity))
        do throws(LaunchError) {
            let process = try await start(command, as: identity)
            return LaunchedProcess(
                identity: process.identity,
                report: changed(process.report),
                control: FaultyControl(fault: fault, process: process)
            )
        } catch {
            switch fault {
            case .startsSomethingElse where error.code == .executableNotStarted:
                return try await base.launch(Command(.path("/bin/false")), as: identity)
            case .fallsBackToRootDirectory where error.step == .workingDirectory,
                .runsBeforeRefusing where error.step == .workingDirectory:
                var retried = command
                retried.workingDirectory = .path("/")
                let process = try await base.launch(retried, as: identity)
                guard fault == .runsBeforeRefusing else { return process }
                _ = try await process.exitReport()
                throw error
            default:
                throw error
            }
        }
    }

    func adopt(
        _ reference: JobReference,
        as identity: ExecutionIdentity
    ) async throws(LaunchError) -> LaunchedProcess {
        do throws(LaunchError) {
            return try await base.adopt(reference, as: identity)
        } catch {
            switch fault {
            case .takesOverAnybody where error.code == .verificationFailed,
                .takesOverTheNumber where error.code == .statusLost:
                return try await base.launch(Command(.path("/bin/true")), as: self.changed(identity))
            default: throw error
            }
        }
    }

    private func start(_ command: Command, as identity: ExecutionIdentity) async throws(LaunchError) -> LaunchedProcess
    {
        guard fault == .ignoresCancellation else { return try await base.launch(command, as: identity) }
        let launch = Task.detached { [base] () async -> Result<LaunchedProcess, LaunchError> in
            do throws(LaunchError) {
                return .success(try await base.launch(command, as: identity))
            } catch {
                return .failure(error)
            }
        }
        return try await launch.value.get()
    }

    private func changed(_ identity: ExecutionIdentity) -> ExecutionIdentity {
        let account = identity.account
        let groups = fault == .losesGroups ? Array(account.groups.prefix(1)) : account.groups
        let userID = fault == .runsAsSomebodyElse ? UserID(TestBed.bob.userID) : account.userID
        return ExecutionIdentity(
            admitted: Account(
                name: account.name,
                userID: userID,
                groupID: account.groupID,
                groups: groups,
                homeDirectory: account.homeDirectory,
                shell: account.shell
            ),
            login: identity.login,
            mode: identity.mode,
            method: fault == .takesAnyIdentity ? .switchAccount : identity.method
        )
    }

    private func changed(_ report: LaunchReport) -> LaunchReport {
        var report = report
        switch fault {
        case .reportsOtherBackend: report.backend = .sudo
        case .takesTimeOutOfTheReport: report.timings = LaunchTimings()
        default: break
        }
        return report
    }

    private func changed(_ command: Command) -> Command {
        var command = command
        switch fault {
        case .keepsBoundingSet: command.capabilityBoundingSet = .inherited
        case .allowsNewPrivileges: command.noNewPrivileges = false
        case .addsVariable where command.environment == .clean: command.environment = .export(["DAEMON_TOKEN": "1"])
        case .dropsVariables: command.environment = .clean
        case .trimsArguments: command.arguments = command.arguments.map { String($0.trimmingPrefix(" ")) }
        case .forgetsArgumentZero: command.argumentZero = nil
        case .startsInRootDirectory: command.workingDirectory = .path("/")
        case .keepsMask: command.fileModeCreationMask = []
        case .keepsLimits: command.resourceLimits = .inherited
        case .keepsNiceness: command.niceness = 5
        case .mixesOutputs: command.standardError = .standardOutput
        case .capturesWithoutLimit:
            if case .captured = command.standardOutput { command.standardOutput = .captured(limit: 1 << 30) }
        case .inheritsInput where command.standardInput == .null: command.standardInput = .file("/etc/passwd")
        case .leaksDescriptor:
            command.extraDescriptors.append(ExtraDescriptor(name: "LEAK", descriptor: .standardError))
        case .reversesDescriptors: command.extraDescriptors.reverse()
        case .shortensDeadline: command.startDeadline /= 10
        case .passesArgumentsThroughShell: command = below("exec \(words(command).joined(separator: " "))", command, [])
        case .ignoresSignal: command = below(#"trap '' HUP; exec "$@""#, command, words(command))
        case .skipsProfile where command.environment == .login: command.environment = .clean
        case .parsesArgumentsBehindShell where command.environment == .login:
            command.environment = .clean
            command = below("exec \(words(command).joined(separator: " "))", command, [])
        case .forgetsTerminal: command.terminal = .none
        case .forgetsSizeOfTerminal where command.terminal != .none:
            command.terminal = .pseudoterminal(rows: 24, columns: 80, type: "vt100")
        case .ignoresTreeLimits: command.treeLimits = .none
        case .runsBelowShell: command = below(#""$@"; exit $?"#, command, words(command))
        default: break
        }
        return command
    }

    private func words(_ command: Command) -> [String] { [command.executable.spelling] + command.arguments }

    private func below(_ script: String, _ command: Command, _ words: [String]) -> Command {
        var shell = command
        shell.executable = .path("/bin/sh")
        shell.arguments = ["-c", script, "sh"] + words
        shell.argumentZero = nil
        return shell
    }
}
