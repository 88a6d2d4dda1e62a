import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// What holds for a job whatever way it was started, each claim proven by the job itself.
///
/// Nothing here needs a privilege of the daemon: through the system helper it has none.
enum LaunchClaim: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case identity = "the ids and every group are the account's, and there is no capability"
    case noWayBack = "nothing leads back to root"
    case daemonOutOfReach = "nothing of its daemon can be read, written, traced or signalled, nor of its parent"
    case daemonUntouched = "its daemon stays as it was: ids, capabilities, masks, limits, dumpable flag"
    case session = "session, process group and keyring are its own"
    case terminalOfDaemon = "a terminal of its daemon's can neither be taken nor typed into"
    case descriptors = "descriptors 0, 1 and 2 are all it has, whatever the daemon has open"
    case extraDescriptors = "extra descriptors are 3 and upwards in their order"
    case argumentsAndEnvironment = "arguments and environment arrive byte for byte, and nothing else"
    case largeArguments = "two megabytes of environment and a hundred thousand arguments arrive"
    case tooLargeArguments = "more than the kernel takes is an error that says so"
    case place = "it starts in its home, or where it is told to, as the account"
    case hygiene = "signals, mask, limits, nice value and umask are what they should be"
    case streams = "input arrives, both outputs are captured apart"
    case files = "files of streams are opened as the account"
    case forbiddenFile = "a file that the account cannot open is an error that says so"
    case exitStatus = "an exit status is never taken for a failed launch"
    case missingProgram = "a program that is not there is an error that says so"
    case signals = "signals reach the process, its group and its tree"
    case termination = "termination leaves nothing, whatever the job does to stay"
    case timeout = "a job whose time is up is ended whole, and one that ends in time is left alone"
    case cancellation = "a job ends with the task that waits for it, unless it has ended before"
    case anyTime = "a time that no clock counts to is a long one, or none at all"
    case usage = "the end tells what the job has used"
    case noPrivileges = "a set-user-id program gains nothing"

    var testDescription: String { rawValue }

    /// Proves the claim.
    func prove(_ launcher: any ProcessLauncher) async throws {
        let claims = LaunchClaims(launcher: launcher)
        switch self {
        case .identity: try await claims.identity()
        case .noWayBack: try await claims.noWayBack()
        case .daemonOutOfReach: try await claims.daemonOutOfReach()
        case .daemonUntouched: try await claims.daemonUntouched()
        case .session: try await claims.session()
        case .terminalOfDaemon: try await claims.terminalOfDaemon()
        case .descriptors: try await claims.descriptors()
        case .extraDescriptors: try await claims.extraDescriptors()
        case .argumentsAndEnvironment: try await claims.argumentsAndEnvironment()
        case .largeArguments: try await claims.largeArguments()
        case .tooLargeArguments: try await claims.tooLargeArguments()
        case .place: try await claims.place()
        case .hygiene: try await claims.hygiene()
        case .streams: try await claims.streams()
        case .files: try await claims.files()
        case .forbiddenFile: try await claims.forbiddenFile()
        case .exitStatus: try await claims.exitStatus()
        case .missingProgram: try await claims.missingProgram()
        case .signals: try await claims.signals()
        case .termination: try await claims.termination()
        case .timeout: try await claims.timeout()
        case .cancellation: try await claims.cancellation()
        case .anyTime: try await claims.anyTime()
        case .usage: try await claims.usage()
        case .noPrivileges: try await claims.noPrivileges()
        }
    }
}
