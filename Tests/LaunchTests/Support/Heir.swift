import Faults
import Glibc
import SystemPackage
import Testing

@testable import LaunchPlan

/// A process that has the number which a job had, and leads a session and a group of that number too.
final class Heir {
    private let number: Int32
    private let startTime: UInt64?

    /// Waits until nobody has the number any more, and takes it.
    ///
    /// - Parameters:
    ///   - number: The number of a job that has ended.
    ///   - person: Whose process it is.
    ///   - start: When the job was started, in clock ticks. No machine gives all of its numbers away within one of those.
    /// - Throws: When there is no such process to be had.
    init(of number: Int32, _ person: TestBed.Person, laterThan start: UInt64) async throws {
        try await wait {
            let result = process_with_number(number, person.userID)
            guard result == number else {
                // Whoever waits for the job has not done so yet.
                try #require(result == -EEXIST, "error \(-result)")
                return false
            }
            if ProcessStart.time(of: number) != start { return true }
            process_with_number_end(number)
            return false
        }
        self.number = number
        startTime = ProcessStart.time(of: number)
        // It is about to.
        try await wait { isUntouched }
    }

    deinit {
        process_with_number_end(number)
    }

    /// Whether nobody has signalled it: it has not ended and is not stopped.
    var isUntouched: Bool {
        guard let stat = try? ProcessStat(of: number), let startTime else { return false }
        return ProcessStart.time(of: number) == startTime && stat.state == UInt8(ascii: "S")
    }
}
