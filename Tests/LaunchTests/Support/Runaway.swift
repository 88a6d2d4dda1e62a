import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

/// A job that starts a process which leaves its session and loses its parent.
struct Runaway {
    private let note = freshPath("runaway")
    private let gate = freshPath("gate")

    /// What the first process does.
    ///
    /// - Parameter isDeaf: Whether the process ignores `SIGTERM`.
    /// - Returns: The script.
    func script(isDeaf: Bool = false) -> String {
        """
        \(isDeaf ? "trap '' TERM;" : "") setsid -f sh -c 'echo $$ > \(note).new; mv \(note).new \(note); exec sleep 100000'
        while ! [ -e \(gate) ]; do sleep 0.01; done
        """
    }

    var command: Command { patient(Command(.path("/bin/sh"), arguments: ["-c", script()])) }

    /// Waits until the process is there.
    ///
    /// - Returns: The process.
    /// - Throws: When it is overdue.
    func process() async throws -> Int32 {
        try await wait { exists(note) }
        return try #require(Int32(try ProcFile.read(note).prefix { $0 != "\n" }))
    }

    /// Waits until the process is there, and has no parent but the one that it was given.
    ///
    /// - Parameter leader: The first process of the job.
    /// - Returns: The process.
    /// - Throws: When it is overdue.
    func process(of leader: Int32) async throws -> Int32 {
        let number = try await process()
        let monitor = try ProcessStat(of: leader).parent
        try await wait { try ProcessStat(of: number).parent == monitor }
        let (own, first) = (try ProcessStat(of: number), try ProcessStat(of: leader))
        #expect(own.session == number && own.group != first.group)
        return number
    }

    /// Lets the first process end.
    func letGo() throws { try writeFile("", to: gate) }
}
