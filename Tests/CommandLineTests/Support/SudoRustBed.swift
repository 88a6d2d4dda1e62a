import Foundation
import Impersonation
import Testing

/// The sudo-rs of the test bed.
enum SudoRustBed {
    static let program = ProcessInfo.processInfo.environment["IMPERSONATION_TEST_BED_SUDO_RS"]
}

extension Trait where Self == ConditionTrait {
    /// Runs the test only where the bed has sudo-rs, and the kernel tells what that does not.
    static var withSudoRust: Self {
        .enabled(
            if: SudoRustBed.program != nil && KernelsWord.isTold,
            "needs what make test fetches on Debian, and Linux 6.15: Scripts/sudo-rs"
        )
    }
}
