import Glibc
import SystemPackage
import Testing

@testable import Impersonation

/// A deadline for what is not to fail for want of time: every job of the suite has a session, and so a share of the
/// processor, of its own, and the suite itself may have to wait for its turn.
let ample = Duration.seconds(300)

/// The two ways of the `setuid` backend: what holds for one has to hold for the other.
let everyIsolation = SetUIDLauncher.Isolation.allCases

extension TestBed.Person {
    /// The identity of the person, as the name service of the bed knows it, without any rule in between.
    var identity: ExecutionIdentity {
        get async throws {
            let name = try AccountName(name)
            let found = try await NSSAccountDirectory(deadline: ample).account(named: name, freshness: .current)
            let account = try #require(found, "the bed has no account \(name)")
            return ExecutionIdentity(admitted: account, login: account.name, mode: .user, method: .switchAccount)
        }
    }
}

/// An identity out of numbers, for accounts that need not exist.
func identity(
    userID: UInt32,
    groupID: UInt32,
    groups: [UInt32] = [],
    home: FilePath = "/",
    shell: FilePath = "/bin/sh"
) throws -> ExecutionIdentity {
    let account = Account(
        name: try AccountName("someone"),
        userID: UserID(userID),
        groupID: GroupID(groupID),
        groups: groups.map { GroupID($0) },
        homeDirectory: home,
        shell: shell
    )
    return ExecutionIdentity(admitted: account, login: account.name, mode: .user, method: .switchAccount)
}

/// A command with an ample deadline, unless it has one of its own.
func patient(_ command: Command) -> Command {
    var command = command
    if command.startDeadline == Command(command.executable).startDeadline { command.startDeadline = ample }
    return command
}

/// What a job wrote, and how it ended.
struct JobResult {
    let process: LaunchedProcess
    let exit: ExitReport
    var text: String { exit.standardOutput?.text ?? "" }
}

/// Runs a command to its end with its output captured.
func run(
    _ command: Command,
    as identity: ExecutionIdentity,
    _ launcher: any ProcessLauncher = SetUIDLauncher()
) async throws -> JobResult {
    var command = patient(command)
    if command.standardOutput == .null { command.standardOutput = .captured(limit: 4 << 20) }
    if command.standardError == .null { command.standardError = .captured(limit: 1 << 16) }
    let process = try await launcher.launch(command, as: identity)
    return JobResult(process: process, exit: try await process.exitReport())
}

/// Runs a shell script to its end with its output captured.
func runScript(
    _ script: String,
    as identity: ExecutionIdentity,
    _ launcher: any ProcessLauncher = SetUIDLauncher(),
    configure: (inout Command) -> Void = { _ in }
) async throws -> JobResult {
    var command = Command(.path("/bin/sh"), arguments: ["-c", script])
    configure(&command)
    return try await run(command, as: identity, launcher)
}

/// Runs the probe and reads what it says of itself.
func runProbe(
    _ arguments: [String] = [],
    as identity: ExecutionIdentity,
    _ isolation: SetUIDLauncher.Isolation = .isolated,
    configure: (inout Command) -> Void = { _ in }
) async throws -> ProbeReport {
    var command = Command(.path(FilePath(TestBed.probe)), arguments: arguments)
    configure(&command)
    let result = try await run(command, as: identity, SetUIDLauncher(isolation: isolation))
    try #require(
        result.exit.status == .exited(0),
        "the probe ended with \(result.exit.status): \(result.exit.standardError?.text ?? "")"
    )
    return try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
}

/// Makes everything that a process makes once, so that what comes later can be counted and filtered.
func warmedUp(_ isolation: SetUIDLauncher.Isolation) async throws -> ExecutionIdentity {
    let person = try await TestBed.alice.identity
    _ = try await run(Command(.path("/bin/true")), as: person, SetUIDLauncher(isolation: isolation))
    return person
}

/// The error that a launch throws.
func launchError(
    _ command: Command,
    as identity: ExecutionIdentity,
    _ launcher: any ProcessLauncher = SetUIDLauncher()
) async throws -> LaunchError {
    do throws(LaunchError) {
        let process = try await launcher.launch(patient(command), as: identity)
        let exit = try await process.exitReport()
        throw NotRefused(status: exit.status).asIssue()
    } catch {
        return error
    }
}

private struct NotRefused {
    let status: TerminationStatus

    func asIssue() -> LaunchError {
        Issue.record("the launch was to fail, but the job ran and ended with \(status)")
        return LaunchError(.cancelled, step: .execute, message: "the job ran")
    }
}

/// A path in the bed that nothing exists at yet, writable for every account.
func freshPath(_ purpose: String) -> FilePath {
    FilePath("\(TestBed.directory)/tmp").appending("\(purpose)-\(getpid())-\(UInt64.random(in: 0...UInt64.max))")
}

/// Whether something exists at a path, without following a link.
func exists(_ path: FilePath) -> Bool {
    var status = stat()
    return unsafe path.withPlatformString { unsafe lstat($0, &status) } == 0
}

/// How many descriptors this process has open once nobody opens or closes any: a leak stays, what the runtime and other
/// threads hold for a moment goes.
func openDescriptorCount() async throws -> Int {
    var count = countDescriptors()
    var agreements = 0
    while agreements < 3 {
        try await Task.sleep(for: .milliseconds(5))
        let next = countDescriptors()
        agreements = next == count ? agreements + 1 : 0
        count = next
    }
    return count
}

private func countDescriptors() -> Int {
    guard let directory = unsafe opendir("/proc/self/fd") else { return -1 }
    defer { unsafe closedir(directory) }
    var count = 0
    while unsafe readdir(directory) != nil { count += 1 }
    // `.`, `..` and the descriptor of the directory itself.
    return count - 3
}

/// Whether this process has a child, a zombie too.
func hasChildren() -> Bool {
    var information = unsafe siginfo_t()
    return unsafe waitid(P_ALL, 0, &information, WEXITED | WNOHANG | WNOWAIT) == 0
}

/// Writes a file of a test, in place of one that is there.
func writeFile(_ text: String, to path: FilePath) throws {
    let file = try FileDescriptor.open(
        path,
        .writeOnly,
        options: [.create, .truncate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead]
    )
    _ = try file.closeAfter { try file.writeAll(text.utf8) }
}
