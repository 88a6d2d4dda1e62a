import Glibc
import Impersonation
import SystemPackage

/// Whether `sudo` would run the launcher for this process, asked of `sudo` itself.
struct SudoCheck {
    let options: SudoOptions

    /// An account that jobs have; `nil` where every job has another one.
    let target: Account?

    private static let patience = Duration.seconds(10)

    /// Rules for anybody but some are long: each number that is not permitted stands in each entry.
    private static let longest = 4 * 1_024 * 1_024

    func findings() async -> [Finding] {
        let program: SudoProgram
        do throws(SudoProgram.Problem) {
            program = try SudoProgram(at: FilePath(options.program))
        } catch {
            return [Finding("sudo", .failed, error.message, remedy: remedy(error.refusal)), launcher]
        }
        return [await installed(program), launcher, await rule(program)]
    }

    private func remedy(_ refusal: SudoRefusal) -> String {
        switch refusal {
        case .notInstalled: "install sudo, or name the one there is (--sudo)"
        case .notSetUserID: "restore its owner and mode: root, 4755"
        default: "name the sudo of the system, which root alone can write (--sudo)"
        }
    }

    private func installed(_ program: SudoProgram) async -> Finding {
        guard geteuid() != 0 else {
            return Finding(
                "sudo",
                .failed,
                "is at \(program.place), and this process is root, which needs no sudo",
                remedy: "run doctor as the account of the daemon, or use launch_backend = setuid"
            )
        }
        let flavour = await program.flavour()
        let found = "\(flavour) at \(program.place)"
        switch flavour {
        case .original(let version) where Self.hasOpenChroot(version):
            return Finding(
                "sudo",
                .warning,
                "\(found): whoever may use it becomes root (CVE-2025-32463)",
                remedy: "install 1.9.17p1 or later, or what your distribution has corrected"
            )
        case .original: return Finding("sudo", .ok, found)
        case .rust: return Self.rust(flavour, found, endProblem: flavour.endProblem())
        case .unknown: return Finding("sudo", .warning, found, remedy: Self.tested)
        }
    }

    private static let tested = "use the original sudo, or sudo-rs 0.2.5, which this is tested with"

    /// What is said of sudo-rs.
    static func rust(_ flavour: SudoProgram.Flavour, _ found: String, endProblem: String?) -> Finding {
        if let endProblem {
            return Finding("sudo", .failed, "\(found): \(endProblem)", remedy: SudoProgram.Flavour.endRemedy)
        }
        guard flavour.isTested else {
            return Finding("sudo", .warning, "\(found), which is older than what this is tested with", remedy: tested)
        }
        return Finding("sudo", .ok, found)
    }

    /// From 1.9.14 to 1.9.17 without a patch level.
    static func hasOpenChroot(_ version: String) -> Bool {
        let parts = version.split { $0 == "." || $0 == "p" }.compactMap { Int($0) }
        guard parts.count >= 3, parts[0] == 1, parts[1] == 9 else { return false }
        return (14...16).contains(parts[2]) || parts[2] == 17 && !version.contains("p")
    }

    private var launcher: Finding {
        var status = stat()
        let path = options.launcher
        guard unsafe stat(path, &status) == 0 else {
            return Finding(
                "sudo launcher",
                .failed,
                "there is none at \(path)",
                remedy: "install impersonation-launcher there (make install-launcher), or name it (--sudo-launcher)"
            )
        }
        if let problem = SudoProgram.untrustedStep(to: FilePath(path)) {
            return Finding(
                "sudo launcher",
                .failed,
                problem,
                remedy: "put it where every directory on the way is root's alone"
            )
        }
        return Self.finding(path, owner: status.st_uid, mode: status.st_mode)
    }

    /// What its owner and its mode say.
    static func finding(_ path: String, owner: UInt32, mode: UInt32) -> Finding {
        let facts = "\(path) has mode \(String(mode & 0o7777, radix: 8)) and belongs to user id \(owner)"
        guard owner == 0, mode & (S_IWGRP | S_IWOTH) == 0, mode & S_IXOTH != 0, mode & (S_ISUID | S_ISGID) == 0 else {
            return Finding("sudo launcher", .failed, facts, remedy: "make it root's, with mode 0711")
        }
        // Of a program that can be read, others of the account can take hold before it says that they may not (ptrace(2)).
        guard mode & (S_IRGRP | S_IROTH) == 0 else {
            return Finding(
                "sudo launcher",
                .warning,
                "\(facts): who can read it can trace it while it starts",
                remedy: "take the right to read off it (chmod 0711)"
            )
        }
        return Finding("sudo launcher", .ok, path)
    }

    private func rule(_ program: SudoProgram) async -> Finding {
        let remedy = "install what `impersonate sudoers` prints"
        let whom = target.map { "#\($0.userID.rawValue)" }
        let words: [String] =
            switch options.profile {
            case .account: [options.launcher, "run", "/bin/true"]
            case .restricted: [options.launcher]
            case .login: [target?.shell.string ?? "/bin/sh"]
            case .su:
                ["/usr/bin/su", "-", target?.name.spelling ?? "", "-c", "exec \(options.launcher) session"]
            }
        // Without an account, or with programs that only the rule knows, sudo is asked whether it permits anything.
        let asks = whom != nil && options.profile != .restricted
        let user = options.profile == .su ? "root" : whom ?? ""
        let knowsEntries = if case .unknown = await program.flavour() { false } else { true }
        let list = [program.path.string, "-n", knowsEntries ? "-ll" : "-l"]
        let arguments = asks ? [program.path.string, "-n", "-l", "-u", user, "--"] + words : list
        guard geteuid() != 0 else {
            return Finding(
                "sudo rule",
                .warning,
                "cannot be asked as root",
                remedy: "run doctor as the daemon's account"
            )
        }
        guard let answer = await SudoCall.answer(arguments, for: Self.patience, keeping: Self.longest) else {
            return Finding("sudo rule", .failed, "sudo did not answer within 10 s", remedy: "look at the name service")
        }
        let said = answer.output.split(separator: "\n").joined(separator: "; ").shortened(to: 300)
        let listing =
            asks && knowsEntries ? await SudoCall.answer(list, for: Self.patience, keeping: Self.longest) : answer
        let entries = listing.flatMap { SudoListing($0.output) }
        let person: (name: String, number: UInt32)? =
            options.profile == .su ? ("root", 0) : target.map { ($0.name.spelling, $0.userID.rawValue) }
        let isAsked = entries?.asks(as: person, for: isMeant)
        let isNamed = entries == nil ? isNamed(in: answer.output) : isAsked != nil
        let permits = answer.status == 0 && (asks || isNamed)
        guard permits else {
            return Finding(
                "sudo rule",
                .failed,
                "does not permit the launcher as jobs need it: \(said)",
                remedy: remedy
            )
        }
        switch await start(program, isAsked) {
        case .possible: break
        case .withPassword:
            return Finding(
                "sudo rule",
                .failed,
                "permits the launcher, but asks for a password",
                remedy: "\(remedy), or give one (impersonate run --stdin)"
            )
        case .refused(let words):
            return Finding(
                "sudo rule",
                .failed,
                "permits the launcher and does not start it: \(words)",
                remedy:
                    "\(remedy); where PAM is named, the rule asks for a password, or that of this account has expired"
            )
        }
        let account = target.map { " as \($0.name)" } ?? ""
        return Finding("sudo rule", .ok, "permits the launcher\(options.profile == .su ? " by su" : account)")
    }

    /// What becomes of what a rule permits.
    private enum Start {
        case possible
        case withPassword
        case refused(String)
    }

    /// Whether the rule wants a password.
    ///
    /// Asked whether it permits something, `sudo` asks for none where any other rule wants none. So it is asked to run the launcher,
    /// where the rule permits that without a job; elsewhere its list has to say it.
    private func start(_ program: SudoProgram, _ isAsked: Bool?) async -> Start {
        guard options.profile == .account, let target else { return isAsked == true ? .withPassword : .possible }
        let call = [program.path.string, "-n", "-u", "#\(target.userID.rawValue)", "--", options.launcher]
        guard let answer = await SudoCall.answer(call, for: Self.patience) else {
            return .refused("no answer within 10 s")
        }
        switch SudoRefusal(message: answer.output) {
        case .passwordRequired: return .withPassword
        // The launcher itself says that it is to do nothing, and a rule with a task says that it permits nothing else.
        case .commandNotAllowed, .notInSudoers: return isAsked == true ? .withPassword : .possible
        case _ where answer.output.contains("impersonation-launcher"): return .possible
        default:
            return .refused(answer.output.split(separator: "\n").joined(separator: "; ").shortened(to: 300))
        }
    }

    /// Whether a command of a rule is what jobs need.
    func isMeant(_ command: String) -> Bool {
        let program = command.prefix { $0 != " " }
        return switch options.profile {
        case .account: Self.isLauncher(command, options.launcher, "run")
        case .restricted: Self.isLauncher(command, options.launcher, "restricted")
        case .login: target.map { Self.spellings($0.shell.string).contains(String(program)) } ?? program.hasSuffix("sh")
        // Without arguments it is permitted with any.
        case .su: program.hasSuffix("/su") && (command == program || command.dropFirst(program.count).hasPrefix(" - "))
        }
    }

    private static func isLauncher(_ command: String, _ launcher: String, _ task: String) -> Bool {
        spellings(launcher).contains { command == $0 || command.hasPrefix("\($0) \(task) ") }
    }

    /// A path, and where it leads, which is what sudo-rs lists in its place.
    private static func spellings(_ path: String) -> [String] {
        let real = unsafe realpath(path, nil)
        defer { unsafe free(real) }
        return [path] + (unsafe real.map { [unsafe String(cString: $0)] } ?? [])
    }

    /// The same where `sudo` does not say what belongs together.
    private func isNamed(in text: String) -> Bool {
        switch options.profile {
        case .account, .restricted: text.contains(options.launcher)
        case .login: text.split { " ,\n\t".contains($0) }.contains { $0.hasPrefix("/") && $0.hasSuffix("sh") }
        case .su: text.contains("/su - ")
        }
    }
}
