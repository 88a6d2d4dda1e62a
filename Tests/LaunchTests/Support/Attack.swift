import Glibc
import Testing

@testable import Impersonation

/// What a job tries against another process, one attempt after the other: `Tests/Probe/attacks.c`.
enum Attack {
    /// What everybody may do to processes of his own account, open or not.
    static let ofTheSameAccount: Set = ["prlimit", "kill(0)"]

    /// Expects that somebody was tried to reach, in every way, and that the kernel has forbidden it.
    ///
    /// Another error is no refusal: of a process or thread that is gone nothing could be reached either.
    ///
    /// - Parameters:
    ///   - target: The process or thread.
    ///   - report: What the job says.
    ///   - permitted: What may have been reached all the same.
    ///   - sourceLocation: Where that is expected.
    static func expectRefused(
        _ target: Int32,
        in report: ProbeReport,
        but permitted: Set<String> = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let attempts = report.attempts.filter { $0.target == target }
        #expect(attempts.count >= 11, sourceLocation: sourceLocation)
        for attempt in attempts where !permitted.contains(attempt.call) {
            // Before Linux 6.9 no descriptor stands for a thread.
            let isImpossible = attempt.call == "pidfd_getfd" && attempt.error == EINVAL
            #expect(
                !attempt.succeeded && (isImpossible || [EPERM, EACCES].contains(attempt.error)),
                "\(attempt)",
                sourceLocation: sourceLocation
            )
        }
        #expect(permitted.isSubset(of: attempts.filter(\.succeeded).map(\.call)), sourceLocation: sourceLocation)
    }
}
