/// The smallest rules with which `sudo` serves a daemon.
struct SudoersRules {
    /// An account by name and number.
    struct Account: Hashable {
        var name: String
        var number: UInt32
    }

    /// Whom jobs may run as.
    enum Targets: Hashable {
        /// These.
        case accounts([Account])

        /// The members of these groups, by name and number.
        case members(of: [Account])

        /// Everybody but the superuser, and but these.
        case everybody(but: [Account])
    }

    var worker: Account
    var targets: Targets
    /// Programs that jobs may run, in full; everything when there are none.
    var programs: [String] = []
    /// Groups that may be a job's primary one beside the account's own.
    var groups: [Account] = []
    var launcher: String
    var profile: SudoProfileChoice
    var substitute = "/usr/bin/su"
    /// Login shells of the targets, for the profile that runs them.
    var shells: [String] = []
    /// Whether they are for sudo-rs, which complains of settings that it does not have, and knows no patterns for arguments.
    var isForRust = false

    /// Why there are no such rules.
    struct Problem: Error, Equatable {
        let message: String
    }

    /// The lines.
    ///
    /// - Throws: ``Problem`` when something cannot be said in sudoers.
    func lines() throws(Problem) -> [String] {
        let worker = SudoersWord.account(worker.name, worker.number)
        let launcher = try Self.word(launcher)
        var lines = [
            "# What a daemon needs whose jobs start by sudo (impersonate sudoers).",
            "# Install it with: visudo -c -f FILE && install -m 0440 FILE /etc/sudoers.d/impersonation",
        ]
        // Nobody sits at a terminal, and nothing may stand between the launcher and its socket. `use_pty` does not without a
        // terminal.
        if !isForRust {
            lines.append("Defaults:\(worker) !requiretty, !log_input, !log_output")
            lines.append("Defaults!\(launcher) !noexec")
        }
        let commands = try commands(launcher)
        lines.append("\(worker) ALL=(\(runas)) NOPASSWD: \(commands.joined(separator: ", "))")
        return lines
    }

    /// What `sudo` runs.
    private func commands(_ launcher: String) throws(Problem) -> [String] {
        switch profile {
        case .account: return [launcher]
        case .su: return [try Self.word(substitute)]
        case .login:
            guard !shells.isEmpty else {
                throw Problem(message: "the login profile runs the shells of the accounts; name the accounts (--as)")
            }
            var words: [String] = []
            for shell in shells { words.append(try Self.word(shell)) }
            return words
        case .restricted where isForRust:
            throw Problem(
                message:
                    "sudo-rs knows no patterns for arguments, so its rules cannot name a program and leave those open; use the "
                    + "original sudo, the account profile, or the system helper"
            )
        case .restricted:
            guard !programs.isEmpty else {
                throw Problem(
                    message: "the restricted profile needs the programs that jobs may run; name them (--command)"
                )
            }
            var words: [String] = []
            for program in programs {
                guard program.hasPrefix("/") else {
                    throw Problem(message: "\(program) is no absolute path; name the program in full")
                }
                let word = try Self.word(program)
                // With arguments, and without: behind a blank, `*` is one argument or more.
                words += ["\(launcher) restricted \(word)", "\(launcher) restricted \(word) *"]
            }
            return words + ["\(launcher) signal *"]
        }
    }

    /// Whom for.
    private var runas: String {
        if profile == .su { return "root" }
        let users =
            switch targets {
            case .accounts(let accounts): accounts.map { SudoersWord.account($0.name, $0.number) }
            case .members(let groups):
                groups.map { "%" + SudoersWord.group($0.name, $0.number) } + ["!root", "!#0"]
            case .everybody(let denied):
                ["ALL", "!root", "!#0"] + denied.map { "!" + SudoersWord.account($0.name, $0.number) }
            }
        let list = users.joined(separator: ", ")
        guard !groups.isEmpty else { return list }
        return list + " : " + groups.map { SudoersWord.group($0.name, $0.number) }.joined(separator: ", ")
    }

    private static func word(_ text: String) throws(Problem) -> String {
        guard let word = SudoersWord.path(text) else {
            throw Problem(message: "\(text) has characters in it that are patterns to sudo; give it another path")
        }
        return word
    }
}
