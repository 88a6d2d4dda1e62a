import ArgumentParser
import Dispatch
import Glibc

/// Where the tool begins, whatever the command.
///
/// Not an `async` main: the runtime begins that one on a thread of its pool, while the main thread already makes
/// descriptors for its event loop. What is settled here has to be settled while nothing else runs.
@main
enum EntryPoint {
    static func main() {
        do {
            try PrivilegesOfFile.ofThisProcess.refuse()
            try StandardStreams.openClosedOnes()
            try RawArguments.ofThisProcess.refuseUnreadable()
        } catch {
            Console.error([error.message])
            exit(error.exitCode.rawValue)
        }
        Task {
            await Impersonate.main()
            exit(EXIT_SUCCESS)
        }
        dispatchMain()
    }
}
