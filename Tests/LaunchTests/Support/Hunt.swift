import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// A job that hunts the processes of its own account: `Tests/Probe/hunt.c`.
struct Hunt {
    /// What is hunted.
    enum Aim {
        /// Whatever the account starts from now on, as long as it is not a program of this name.
        case everybody(until: String, kills: Bool)

        /// A process, while its effective user id is the account's.
        case process(Int32)

        fileprivate var arguments: [String] {
            switch self {
            case .everybody(let program, let kills): [kills ? "--hunt-and-kill" : "--hunt", program]
            case .process(let number): ["--hunt-process", "\(number)"]
            }
        }
    }

    private let job: LaunchedProcess
    private let log: FilePath

    /// Starts the hunt, and waits until it is under way.
    ///
    /// - Parameters:
    ///   - aim: What is hunted.
    ///   - person: Who hunts.
    ///   - launcher: How the hunter is started.
    /// - Throws: When it does not begin.
    init(_ aim: Aim, as person: ExecutionIdentity, _ launcher: any ProcessLauncher) async throws {
        log = freshPath("hunt")
        var command = Command(.path(FilePath(TestBed.probe)), arguments: ["--output", "/dev/null"] + aim.arguments)
        command.standardOutput = .file(log)
        job = try await launcher.launch(patient(command), as: person)
        try await wait { told("ready").count == 1 }
    }

    /// The rest of the lines that begin with a word.
    func told(_ word: String) -> [String] {
        let text = (try? ProcFile.read(log)) ?? ""
        // The last one may not be whole yet.
        let end = text.lastIndex(of: "\n") ?? text.startIndex
        return text[..<end].split(separator: "\n").filter { $0.split(separator: " ").first == word[...] }
            .map { String($0.dropFirst(word.count + 1)) }
    }

    /// Ends the hunt, of which nothing is to have come.
    func end(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        // A hunter that had failed would have ended by itself.
        let report = try await job.terminate(gracePeriod: ample)
        #expect(report.status == .signaled(.terminate), sourceLocation: sourceLocation)
        #expect(told("reached") == [], sourceLocation: sourceLocation)
    }
}
