import ArgumentParser
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
        // SSSD's clients look into a cache that they share and that anybody's questions change: for the short name of accounts of
        // two domains it has the one that was asked for last. Its own clients are the only ones to read this.
        unsafe setenv("SSS_NSS_USE_MEMCACHE", "NO", 1)
        MainThread.willServe()
        // The main thread runs no tasks, and the main program belongs to the main actor.
        Task.detached {
            await Impersonate.main()
            exit(EXIT_SUCCESS)
        }
        MainThread.serve()
    }
}
