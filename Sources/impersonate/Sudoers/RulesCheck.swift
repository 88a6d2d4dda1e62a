import Glibc
import SystemPackage

/// What `visudo` says of rules before anybody installs them.
enum RulesCheck {
    /// What came of it.
    enum Verdict: Equatable {
        case valid
        case invalid(String)
        case notInstalled
    }

    private static let places = ["/usr/sbin/visudo", "/sbin/visudo", "/usr/local/sbin/visudo", "/usr/sbin/visudo-rs"]

    /// Has `visudo -c` read rules.
    ///
    /// - Parameter text: The rules.
    /// - Returns: The verdict.
    static func check(_ text: String) async -> Verdict {
        guard let program = places.first(where: { unsafe access($0, X_OK) == 0 }) else { return .notInstalled }
        guard let (status, said) = await ShortProgram.run([program, "-c", "-f", "-"], input: text) else {
            return .invalid("\(program) could not be started")
        }
        return status == 0 ? .valid : .invalid(said.split(separator: "\n").joined(separator: "; "))
    }
}
