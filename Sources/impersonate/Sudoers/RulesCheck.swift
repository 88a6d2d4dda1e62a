import Glibc
import Impersonation
import SystemPackage

/// What `visudo` says of rules before anybody installs them.
enum RulesCheck {
    /// What came of it.
    enum Verdict: Equatable {
        case valid
        case invalid(String)
        case notInstalled
    }

    private static let places = ["/usr/sbin/visudo", "/sbin/visudo", "/usr/local/sbin/visudo"]
    private static let rustPlaces = ["/usr/sbin/visudo-rs", "/usr/bin/visudo-rs", "/usr/lib/cargo/bin/visudo"]

    /// Has `visudo -c` read rules: the one that belongs to the `sudo` that they are for, for either knows what the other does not.
    ///
    /// - Parameters:
    ///   - text: The rules.
    ///   - sudo: Where that `sudo` is when it is sudo-rs; `nil` when it is another one.
    /// - Returns: The verdict.
    static func check(_ text: String, forRustAt sudo: FilePath? = nil) async -> Verdict {
        guard let program = await program(forRustAt: sudo) else { return .notInstalled }
        // That of sudo-rs takes "-" for the name of a file.
        let input = sudo == nil ? "-" : "/dev/stdin"
        guard let (status, said) = await ShortProgram.run([program, "-c", "-f", input], input: text) else {
            return .invalid("\(program) could not be started")
        }
        return status == 0 ? .valid : .invalid(said.split(separator: "\n").joined(separator: "; "))
    }

    /// The first that is there, root's alone, and of the right kind: distributions put either in the place of the other.
    private static func program(forRustAt sudo: FilePath?) async -> String? {
        let beside = sudo.map { [$0.removingLastComponent().appending("visudo").string] } ?? []
        for place in beside + (sudo == nil ? places : rustPlaces + places) {
            guard unsafe access(place, X_OK) == 0, SudoProgram.untrustedStep(to: FilePath(place)) == nil else {
                continue
            }
            guard let answer = await ShortProgram.run([place, "--version"]) else { continue }
            if isRust(answer.output) == (sudo != nil) { return place }
        }
        return nil
    }

    /// Whether it is that of sudo-rs, which calls itself `visudo` as the original one does, and has no version 1 yet.
    static func isRust(_ version: String) -> Bool {
        version.hasPrefix("visudo-rs ") || version.hasPrefix("visudo version 0.")
    }
}
