import FoundationEssentials
import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

extension RunningHelper {
    /// A directory for the sockets of kept jobs.
    static func makeAdoptionDirectory(_ privileges: Privileges = .root) throws -> FilePath {
        let path = FilePath(TestBed.directory).appending("adoption-\(UInt64.random(in: 0...UInt64.max))")
        try #require(unsafe mkdir(path.string, 0o755) == 0)
        if privileges == .twoCapabilities { try #require(unsafe chown(path.string, account, account) == 0) }
        return path
    }

    /// Starts a helper of root's daemons whose jobs may outlive these.
    ///
    /// - Parameters:
    ///   - privileges: What it may do.
    ///   - policy: More lines of its policy.
    ///   - adoptions: Where jobs are taken over; a directory of its own unless set.
    ///   - place: Where it listens; a place of its own unless set.
    /// - Returns: The helper.
    /// - Throws: When it ends instead.
    static func keepingJobs(
        _ privileges: Privileges = .root,
        policy: [String] = [],
        in adoptions: FilePath? = nil,
        at place: FilePath? = nil
    ) throws -> RunningHelper {
        try RunningHelper(
            privileges,
            policy: ["peers = 0", "when-daemon-ends = keep-allowed"] + policy,
            arguments: ["--adoption-directory", (try adoptions ?? makeAdoptionDirectory(privileges)).string],
            at: place
        )
    }

    /// Has a daemon launch a job as alice that outlives it, and end.
    ///
    /// - Parameters:
    ///   - path: Its program.
    ///   - arguments: Its arguments.
    ///   - service: The service of PAM that it has a session of; none if empty.
    ///   - mayGainPrivileges: Whether an exec may make somebody else of it.
    /// - Returns: What it is taken over by.
    /// - Throws: When it cannot be launched.
    func leaveJob(
        _ path: FilePath = "/bin/sleep",
        _ arguments: [String] = ["100000"],
        service: String = "",
        mayGainPrivileges: Bool = false
    ) async throws -> JobReference {
        let note = freshPath("reference").string
        await #expect(processExitsWith: .success) {
            [
                socket = socket.string as String, note = note as String, path = path.string as String,
                arguments = arguments as [String], service = service as String,
                mayGainPrivileges = mayGainPrivileges as Bool
            ] in
            var command = patient(Command(.path(FilePath(path)), arguments: arguments))
            command.daemonEnd = .goOn
            command.noNewPrivileges = !mayGainPrivileges
            let helper = SystemHelperLauncher(
                socket: FilePath(socket),
                helperUserIDs: [UserID(0), UserID(RunningHelper.account)]
            )
            let launcher: any ProcessLauncher =
                service.isEmpty ? helper : PAMLauncher(through: helper, service: service)
            let process = try await launcher.launch(command, as: TestBed.alice.identity)
            let reference = try #require(process.reference)
            try writeFile(String(decoding: try JSONEncoder().encode(reference), as: UTF8.self), to: FilePath(note))
        }
        return try JSONDecoder().decode(JobReference.self, from: Data(try ProcFile.read(FilePath(note)).utf8))
    }
}
