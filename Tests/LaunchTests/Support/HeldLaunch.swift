import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// A launch whose child has the account's ids, and all that comes before its exec behind it: there it stands, since somebody has a
/// lease on the program.
struct HeldLaunch {
    /// The program, which is the account's.
    let program: FilePath

    /// What the program makes when it runs.
    private let mark = freshPath("mark")
    private let lease: Lease
    private let owner: UInt32
    /// What the account has already.
    private let others: Set<Int32>

    /// Makes the program.
    ///
    /// - Parameter owner: The account of jobs that are held.
    /// - Throws: What keeps it from being made.
    init(of owner: UInt32) throws {
        program = freshPath("held")
        self.owner = owner
        others = Set(try Self.processes(of: owner))
        lease = try Lease(onCopyOf: "/usr/bin/touch", at: program, owner: owner)
    }

    /// A command that is held.
    var command: Command {
        var command = patient(Command(.path(program), arguments: [mark.string]))
        command.workingDirectory = .path("/")
        return command
    }

    /// Whether the program has run all the same.
    var hasRun: Bool { exists(mark) }

    /// Waits until the child stands there.
    ///
    /// - Returns: The child.
    /// - Throws: When the child cannot be found.
    func child() async throws -> Int32 {
        // The kernel asks the holder for no more than a read lease from now on (`F_GETLEASE`, `fcntl(2)`).
        let getLease: Int32 = 1_025
        while fcntl(lease.file.rawValue, getLease) == F_WRLCK { try await Task.sleep(for: .milliseconds(1)) }
        let found = try Self.processes(of: owner).filter { !others.contains($0) }
        #expect(found.count == 1, "others of the account have come: \(found)")
        return try #require(found.first)
    }

    /// The processes that have nothing but the ids of an account.
    static func processes(of owner: UInt32) throws -> [Int32] {
        let ids = Array(repeating: "\(owner)", count: 4)
        return try ProcFile.processes()
            .filter { process in
                let status = (try? ProcFile.read(FilePath("/proc/\(process)/status"))) ?? ""
                let line = status.split(separator: "\n").first { $0.hasPrefix("Uid:") } ?? ""
                return line.split(separator: "\t").dropFirst().map(String.init) == ids
            }
    }

    /// Lets the lease go: nothing holds the child any more but what somebody has done to it.
    func letGo() throws {
        try lease.file.close()
    }
}
