import Foundation
import Testing

/// Reads the sources of the library, as a reviewer would.
@Suite("The code of the library")
struct OwnIdentityTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Calls that change whom the calling process is.
    private static let calls = [
        "setuid", "seteuid", "setreuid", "setresuid", "setfsuid", "setgid", "setegid", "setregid", "setresgid",
        "setfsgid", "setgroups", "initgroups",
    ]

    private func calls(in folder: String) throws -> [String] {
        let directory = Self.root.appending(path: "Sources/\(folder)")
        let files = try #require(FileManager.default.subpaths(atPath: directory.path))
        var found: [String] = []
        for file in files where file.hasSuffix(".swift") || file.hasSuffix(".c") || file.hasSuffix(".h") {
            let text = try String(contentsOf: directory.appending(path: file), encoding: .utf8)
            for line in text.split(separator: "\n") where !isComment(line) {
                for call in Self.calls where line.contains("\(call)(") && !line.contains("`\(call)(") {
                    guard !isPartOfAnotherName(call, in: line) else { continue }
                    found.append("\(folder)/\(file): \(call)")
                }
            }
        }
        return found
    }

    private func isComment(_ line: Substring) -> Bool {
        let text = line.drop { $0 == " " }
        return text.hasPrefix("/") || text.hasPrefix("*")
    }

    /// `__NR_setgroups` is a number, and `setUserID(` is a plan's.
    private func isPartOfAnotherName(_ call: String, in line: Substring) -> Bool {
        guard let range = line.range(of: "\(call)("), range.lowerBound > line.startIndex else { return false }
        let before = line[line.index(before: range.lowerBound)]
        return before.isLetter || before.isNumber || before == "_"
    }

    @Test(
        "never changes whom the daemon's process is: only the child does, by system calls of its own",
        arguments: [
            "Impersonation", "ImpersonationTesting", "LaunchPlan", "CLaunchPlan", "LaunchProtocol", "CLaunchProtocol",
            "QubeCompatibility", "TrustedFiles", "HelperService", "impersonate", "impersonation-helper",
        ]
    )
    func library(_ folder: String) throws {
        #expect(try calls(in: folder) == [])
    }

    @Test("changes the ids of the helper's own process in two places alone: for a signal, and for a session's modules")
    func helper() throws {
        let found = try calls(in: "CHelperService")
        #expect(
            found.sorted() == [
                // Which asks for the id for files and changes none.
                "CHelperService/helper_calls.c: setfsuid",
                // For a signal and back, and back from where a module has left the process.
                "CHelperService/helper_calls.c: setresuid", "CHelperService/helper_calls.c: setresuid",
                "CHelperService/helper_calls.c: setresuid",
                "CHelperService/session_calls.c: setgroups", "CHelperService/session_calls.c: setresgid",
            ]
        )
    }
}
