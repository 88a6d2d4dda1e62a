import Foundation
import Testing

extension Trait where Self == ConditionTrait {
    /// The test needs the accounts of the test bed, and root inside it.
    static var inTestBed: Self {
        .enabled(
            if: ProcessInfo.processInfo.environment["IMPERSONATION_TEST_BED"] == "1",
            "needs the test bed: make test"
        )
    }
}
