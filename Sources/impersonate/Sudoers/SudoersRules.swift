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

        /// Everybody but the superuser.
        case everybody
    }

    var worker: Account
    var targets: Targets
    /// Accounts that jobs never run as, whatever the targets are.
    var deniedAccounts: [Account] = []
    /// Groups whose members jobs never run as.
    var deniedGroups: [Account] = []
    /// In what the policy of the daemon is narrower than rules can be.
    var remarks: [String] = []
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
        for remark in remarks {
            lines.append("# Not said by these rules, and kept by the daemon alone: \(remark.filter { !$0.isNewline })")
        }
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
                // sudo compares arguments that it has joined by blanks: it would take `/opt/a b` for `/opt/a` with an argument.
                guard !program.contains(where: \.isWhitespace) else {
                    throw Problem(
                        message:
                            "\(program) has a blank in it, and a rule for it would permit another program as well; give "
                            + "it another path"
                    )
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
            case .everybody: ["ALL", "!root", "!#0"]
            }
        // The last that matches counts. By its number as well: another name may have the same.
        let denied =
            deniedAccounts.flatMap { account in
                let word = SudoersWord.account(account.name, account.number)
                let number = "#\(account.number)"
                return word == number ? ["!\(number)"] : ["!\(word)", "!\(number)"]
            } + deniedGroups.map { "!%" + SudoersWord.group($0.name, $0.number) }
        let list = (users + denied).joined(separator: ", ")
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
