import Impersonation
import SystemPackage

extension ProcessLauncherConformance {
    static let loginRequirements: [Requirement] = [
        Requirement("a login environment is what the account's login shell makes of a clean one") { subject in
            let shell = subject.identity.account.shell
            var command = Command(.path("/bin/cat"), arguments: ["/proc/self/environ"])
            command.environment = .login
            guard let name = shell.lastComponent?.string, bourneShells.contains(name) else {
                try await subject.mustRefuse(command, "a login with \(shell)", because: .invalidCommand)
                return
            }
            let asked = try await subject.run(command).pieces.sorted()
            var reference = Command(.path(shell), arguments: ["-c", "exec /bin/cat /proc/self/environ"])
            reference.argumentZero = "-\(name)"
            let made = try await subject.run(reference).pieces.sorted()
            let names = Set(asked).symmetricDifference(made).map { String($0.prefix { $0 != "=" }) }
            let list = Set(names).sorted().joined(separator: ", ")
            try require(names.isEmpty, "variables that a login shell makes otherwise: \(list)")
        },
        Requirement("a program behind a login shell gets its arguments byte for byte, and is the process of the job") {
            subject in
            guard bourneShells.contains(subject.identity.account.shell.lastComponent?.string ?? "") else { return }
            let arguments = ["", " a  b ", "'", "\"", "one\ntwo", "$(id)", "*", "-e", "--", "%s%n"]
            var command = LauncherUnderTest.script(
                #"printf '%s\0' "$$"; for word do printf '%s\0' "$word"; done; exit 7"#
            )
            command.arguments += arguments
            command.environment = .login
            let job = try await subject.finish(command)
            try require("the end", job.exit.status, is: .exited(7))
            try require("the arguments", Array(job.pieces.dropFirst()), is: arguments)
            try require("the process id", job.pieces.first, is: "\(job.process.processID.rawValue)")
        },
    ]

    /// Shells that read a profile when their name begins with `-`.
    private static let bourneShells: Set<String> = ["sh", "bash", "dash", "ash", "ksh", "ksh93", "mksh", "zsh"]
}
