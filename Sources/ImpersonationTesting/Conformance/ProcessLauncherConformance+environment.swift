import Impersonation
import SystemPackage

extension ProcessLauncherConformance {
    static let environmentRequirements: [Requirement] = [
        Requirement("a clean environment is that of the account and nothing of the daemon's") { subject in
            let (_, variables) = try await environment(subject, .clean)
            for (name, value) in ofTheAccount(subject.identity.account) {
                try require("the variable \(name)", variables[name], is: value)
            }
            try require(variables["PATH"]?.isEmpty == false, "the variable PATH is empty or missing")
            let others = Set(variables.keys).subtracting(namesOfTheAccount)
            try mustBeOfTheSession(others, subject)
        },
        Requirement("exported variables arrive byte for byte, and those of the account stay") { subject in
            let exported = [
                "EMPTY": "", "BLANKS": " a  b ", "LINES": "one\ntwo\n", "QUOTES": #"'"\"#,
                "SHELL_CODE": "$(id);`id`|&<>()*", "EQUALS": "a=b=c", "TEXT": "\u{FC}\u{1F3AC}", "lower.and-other": "1",
            ]
            let impostors = ["HOME": "/", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/false", "PATH": "/nowhere"]
            let given = exported.merging(impostors) { own, _ in own }
            let (report, variables) = try await environment(subject, .export(given))
            for (name, value) in exported { try require("the variable \(name)", variables[name], is: value) }
            for (name, value) in ofTheAccount(subject.identity.account) {
                try require("the variable \(name)", variables[name], is: value)
            }
            try require(variables["PATH"] != "/nowhere", "PATH is the submitter's")
            let others = Set(variables.keys).subtracting(namesOfTheAccount).subtracting(exported.keys)
            try mustBeOfTheSession(others, subject)
            try require("the variables left out", report.omittedVariables.sorted(), is: impostors.keys.sorted())
        },
        Requirement("variables that make a loader or a shell run code are left out and reported") { subject in
            let dangerous = [
                "LD_PRELOAD": "/tmp/x.so", "LD_LIBRARY_PATH": "/tmp", "LD_AUDIT": "/tmp/x.so", "BASH_ENV": "/tmp/x",
                "ENV": "/tmp/x", "BASH_FUNC_id%%": "() { echo 0; }", "f": "() { :; }; echo",
            ]
            let given = dangerous.merging(["HARMLESS": "1"]) { own, _ in own }
            let (report, variables) = try await environment(subject, .export(given))
            try require("the harmless variable", variables["HARMLESS"], is: "1")
            for name in dangerous.keys { try require("the variable \(name)", variables[name], is: nil) }
            try require("the variables left out", report.omittedVariables.sorted(), is: dangerous.keys.sorted())
        },
        Requirement("a name that cannot be a variable's is refused") { subject in
            for name in ["", "A=B", "A\0B"] {
                var command = Command(.path("/bin/true"))
                command.environment = .export([name: "1"])
                try await subject.mustRefuse(command, "the variable \(name.debugDescription)", because: .invalidCommand)
            }
        },
        Requirement("a large environment arrives, and one that the kernel does not take is an error") { subject in
            let value = String(repeating: "v", count: 100_000)
            var command = LauncherUnderTest.script("env | wc -c")
            command.environment = .export(Dictionary(uniqueKeysWithValues: (0..<10).map { ("V\($0)", value) }))
            let count = Int(try await subject.run(command).text.filter(\.isNumber)) ?? 0
            try require(count > 1_000_000, "1,000,000 bytes of environment became \(count)")
            // A quarter of the stack's limit is what arguments and environment may have together, `execve(2)`.
            command.environment = .export(Dictionary(uniqueKeysWithValues: (0..<30).map { ("V\($0)", value) }))
            let error = try await subject.mustRefuse(
                command,
                "3,000,000 bytes of environment",
                because: .executableNotStarted
            )
            try require("the error number", error.errno, is: .argListTooLong)
        },
        Requirement("arguments arrive byte for byte and pass no shell") { subject in
            let arguments = [
                "", " a  b ", "'", "\"", "\\", "one\ntwo\n", "$(id)", "`id`", ";|&<>*?[a]{b,c}~#!", "$HOME", "-e", "--",
                "#0", "\u{FC}\u{1F3AC}", "%s%n",
            ]
            var command = LauncherUnderTest.script(#"for argument do printf '%s\0' "$argument"; done"#)
            command.arguments += arguments
            try require("the arguments", try await subject.run(command).pieces, is: arguments)
        },
        Requirement("a program is told the name it is to have, the one it was written with unless set") { subject in
            let script = #"tr '\0' '\n' </proc/$$/cmdline; :"#
            var command = Command(.path(LauncherUnderTest.shell), arguments: ["-c", script])
            try require("argv[0]", try await subject.run(command).lines.first, is: LauncherUnderTest.shell.string)
            command.argumentZero = "sh"
            try require("argv[0]", try await subject.run(command).lines.first, is: "sh")
        },
        Requirement("a program is found by its name in the path of the job") { subject in
            let job = try await subject.run(Command(.name("id"), arguments: ["-u"]))
            try require("what id says", job.lines, is: ["\(subject.identity.account.userID.rawValue)"])
            try await subject.mustRefuse(
                Command(.name("no-such-program-\(UInt32.max)")),
                "a program that is not in the path",
                because: .executableNotStarted
            )
        },
    ]

    private static let namesOfTheAccount = ["HOME", "USER", "LOGNAME", "SHELL", "PATH"]

    private static func ofTheAccount(_ account: Account) -> [(String, String)] {
        [
            ("HOME", account.homeDirectory.string), ("USER", account.name.spelling), ("LOGNAME", account.name.spelling),
            ("SHELL", account.shell.string),
        ]
    }

    /// Runs a job that prints its environment, in which no name may be there twice.
    private static func environment(
        _ subject: LauncherUnderTest,
        _ policy: EnvironmentPolicy
    ) async throws -> (LaunchReport, [String: String]) {
        var command = Command(.path("/bin/cat"), arguments: ["/proc/self/environ"])
        command.environment = policy
        let job = try await subject.run(command)
        var variables: [String: String] = [:]
        for entry in job.pieces {
            let name = String(entry.prefix { $0 != "=" })
            try require(variables[name] == nil, "the variable \(name) is there twice")
            variables[name] = String(entry.dropFirst(name.count + 1))
        }
        return (job.process.report, variables)
    }

    private static func mustBeOfTheSession(_ names: Set<String>, _ subject: LauncherUnderTest) throws(Violation) {
        // A session may add none for this very account, so an exemption that is not needed cannot be seen here.
        guard !subject.exemptions.contains(.sessionHasVariables) else { return }
        let list = names.sorted().joined(separator: ", ")
        try require(names.isEmpty, "the environment has variables of nobody's: \(list)")
    }
}
