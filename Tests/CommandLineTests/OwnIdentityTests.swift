import Foundation
import Testing

/// Reads the sources of the library, as a reviewer would.
@Suite("The code of the library")
struct OwnIdentityTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Calls that change whom the calling process is.
    private static let calls: Set<Substring> = [
        "setuid", "seteuid", "setreuid", "setresuid", "setfsuid", "setgid", "setegid", "setregid", "setresgid",
        "setfsgid", "setgroups", "initgroups",
    ]

    /// Each line of each source that is no comment, with the name of its file.
    private static func lines() throws -> [(file: String, line: Substring)] {
        let directory = root.appending(path: "Sources")
        let files = try #require(FileManager.default.subpaths(atPath: directory.path)).sorted()
        var lines: [(file: String, line: Substring)] = []
        for file in files where [".swift", ".c", ".h"].contains(where: file.hasSuffix) {
            let text = try String(contentsOf: directory.appending(path: file), encoding: .utf8)
            lines += text.split(separator: "\n").filter { !isComment($0) }.map { (file, $0) }
        }
        return lines
    }

    private static func isComment(_ line: Substring) -> Bool {
        let text = line.drop { $0 == " " }
        return text.hasPrefix("/") || text.hasPrefix("*")
    }

    /// The calls in a line by their number (`__NR_setgroups`, `SYS_setresuid`, `SYS_setuid32`), whoever makes them.
    private static func numbers(in line: Substring) -> [Substring] {
        line.split { !($0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "_") }
            .compactMap { word in
                ["__NR_", "SYS_"].first(where: word.hasPrefix).map { word.dropFirst($0.count) }
            }
            .map { $0.hasSuffix("32") ? $0.dropLast(2) : $0 }
            .filter(calls.contains)
    }

    /// The calls in a line by their name in libc; `setUserID(` is a plan's, and a name in backquotes a text's.
    private static func names(in line: Substring) -> [Substring] {
        line.matches(of: /([`A-Za-z0-9_]*)\(/).map(\.output.1).filter(calls.contains)
    }

    @Test(
        "never changes whom the daemon's process is by libc: only the helper's own do, for a signal and for a session"
    )
    func library() throws {
        let found = try Self.lines().flatMap { file, line in Self.names(in: line).map { "\(file): \($0)" } }
        #expect(
            found.sorted() == [
                // Which asks for the id for files and changes none.
                "CHelperService/helper_calls.c: setfsuid",
                // For a signal and back, and back from where a module has left the process.
                "CHelperService/helper_calls.c: setresuid", "CHelperService/helper_calls.c: setresuid",
                "CHelperService/helper_calls.c: setresuid",
                // For modules that add groups to those there are.
                "CHelperService/session_calls.c: setgroups", "CHelperService/session_calls.c: setresgid",
            ]
        )
    }

    @Test("never does so past libc: only the child's interpreter does, which is no thread of the daemon")
    func kernel() throws {
        let found = try Self.lines().flatMap { file, line in Self.numbers(in: line).map { "\(file): \($0)" } }
        #expect(
            found.sorted() == [
                "CLaunchPlan/interpreter.c: setgroups",
                // The switch, and the attempt to go back that has to fail.
                "CLaunchPlan/interpreter.c: setresgid", "CLaunchPlan/interpreter.c: setresgid",
                // The same, and the effective id before files are opened.
                "CLaunchPlan/interpreter.c: setresuid", "CLaunchPlan/interpreter.c: setresuid",
                "CLaunchPlan/interpreter.c: setresuid",
            ]
        )
    }

    @Test("names each system call that it makes itself, and looks up no function by a name that could be one of those")
    func hidden() throws {
        let lines = try Self.lines().filter { !$0.line.hasPrefix("#define SYSTEM_CALL_") }
        for (file, lines) in Dictionary(grouping: lines, by: \.file) {
            let text = lines.map(\.line).joined(separator: "\n")
            for call in text.matches(of: /([A-Za-z0-9_]*)\(\s*([^,)]*)/)
            where call.output.1 == "syscall" || call.output.1.hasPrefix("SYSTEM_CALL_") {
                #expect(call.output.2.contains(/^(?:SYS|__NR)_[a-z0-9_]+$/), "\(file): \(call.output.0)")
            }
        }
        func files(_ pattern: some RegexComponent) throws -> Set<String> {
            Set(try Self.lines().filter { $0.line.contains(pattern) }.map(\.file))
        }
        // The entries of the trampoline and of the clone, and the system call itself.
        #expect(
            try files(/(?:^|[^A-Za-z0-9<])_*asm_*\s*(?:volatile|\()/) == [
                "CLaunchPlan/spawn.c", "CLaunchPlan/system_call.h", "CLaunchPlan/trampoline/trampoline.c",
            ]
        )
        #expect(try files(/launch_syscall\(/) == ["CLaunchPlan/system_call.h"])
        #expect(
            try files(/dlsym\(|@_silgen_name|@_extern/) == [
                "CHelperService/sssd_calls.c", "CHelperService/winbind_calls.c",
            ]
        )
        #expect(try files(/(?:SYS|__NR)_(?:execve|ptrace|setns|unshare)/) == ["CLaunchPlan/interpreter.c"])
    }
}
