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
    /// Accounts that jobs never run as, and groups (`%`) whose members they never run as, of which there are none yet: words.
    var deniedNames: [String] = []
    /// Numbers of accounts that jobs never run as, beside the superuser's; they count where the targets are not named one by one.
    var deniedNumbers: [UInt32] = []
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
    /// Whether arguments may be regular expressions, as from sudo 1.9.10 on.
    var knowsExpressions = false

    /// Why there are no such rules.
    struct Problem: Error, Equatable {
        let message: String
    }

    /// The lines.
    ///
    /// - Throws: ``Problem`` when something cannot be said in sudoers.
    func lines() throws(Problem) -> [String] {
        let daemon = "#\(worker.number)"
        let launcher = try Self.word(launcher)
        var lines = [
            "# What a daemon needs whose jobs start by sudo (impersonate sudoers).",
            "# Install it with: visudo -c -f FILE && install -m 0440 FILE /etc/sudoers.d/impersonation",
        ]
        for remark in remarks + numbersRemark {
            lines.append("# Not said by these rules, and kept by the daemon alone: \(SudoersWord.comment(remark))")
        }
        lines += names
        // Nobody sits at a terminal, and nothing may stand between the launcher and its socket. `use_pty` does not without a
        // terminal.
        if !isForRust {
            lines.append("Defaults:\(daemon) !requiretty, !log_input, !log_output")
            // The environment of such a job is what sudo says, so that is to be nobody else's word. The lists are emptied: what
            // is taken off them by name stays where another rule has put it there with a pattern.
            if profile == .restricted {
                lines.append(
                    "Defaults!\(launcher) env_reset, !setenv, always_set_home, set_logname, !env_keep, !env_check"
                )
            }
        }
        let commands = try commands(launcher)
        // Of whatever the commands are: what they run has to be able to run the job.
        var tags = isForRust ? "NOPASSWD:" : "NOPASSWD: EXEC:"
        if profile == .restricted { tags += " NOSETENV:" }
        return lines + Self.wrapped("\(daemon) ALL=(\(runas)) \(tags) \(commands.joined(separator: ", "))")
    }

    /// The longest number that sudo-rs reads has nine digits.
    private static let longestForRust: UInt32 = 999_999_999

    /// Those numbers that sudo-rs cannot read; what it reads in their place is an error, and no rule.
    private var unreadable: [UInt32] { isForRust ? deniedNumbers.filter { $0 > Self.longestForRust } : [] }

    private var numbersRemark: [String] {
        unreadable.isEmpty
            ? []
            : [
                "numbers of more than nine digits, which sudo-rs does not read (\(unreadable.map { "\($0)" }.joined(separator: ", ")));"
                    + " it switches to no number without an account"
            ]
    }

    /// Who the numbers are that are permitted something.
    ///
    /// By number, since `sudo` compares names without regard to case (`case_insensitive_user`, `case_insensitive_group`), and an
    /// account of one directory may have the name of another one's but for that; and since a name may become somebody else's.
    private var names: [String] {
        let accounts: [Account]
        let members: [Account]
        switch targets {
        case .accounts(let named): (accounts, members) = (named, [])
        case .members(let named): (accounts, members) = ([], named)
        case .everybody: (accounts, members) = ([], [])
        }
        return ([worker] + accounts).map { Self.name($0, "the account") }
            + (members + groups).filter { !$0.name.isEmpty }.map { Self.name($0, "the group") }
    }

    // The name is not what the line ends with: a backslash there would take the next line for more of it.
    private static func name(_ named: Account, _ kind: String) -> String {
        "# \(kind) \(SudoersWord.comment(named.name)) is #\(named.number)"
    }

    private static let width = 120

    /// Breaks a rule into lines, between the elements of its lists.
    private static func wrapped(_ rule: String) -> [String] {
        var lines: [String] = []
        var line = ""
        let elements = rule.split(separator: ", ", omittingEmptySubsequences: false)
        for (index, element) in elements.enumerated() {
            let isLast = index == elements.count - 1
            if !line.isEmpty, line.utf8.count + element.utf8.count > width {
                lines.append(line + "\\")
                line = "    "
            }
            line += element + (isLast ? "" : ", ")
        }
        return lines + [line]
    }

    /// What `sudo` runs.
    private func commands(_ launcher: String) throws(Problem) -> [String] {
        switch profile {
        case .account: return [launcher]
        case .su: return try substitutions()
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
                guard !program.unicodeScalars.contains(where: \.properties.isWhitespace) else {
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

    /// `su` for each account by its name, with the one command that a job needs, and its signals where they can be said exactly.
    ///
    /// A wildcard stands for blanks as well, and so for any option: `su - alice -c *` permits `su - alice -c id root`, or another
    /// account in its place.
    private func substitutions() throws(Problem) -> [String] {
        guard !isForRust else {
            throw Problem(
                message:
                    "a rule of sudo-rs cannot hold an argument with blanks, which the command of su is; use the original sudo, "
                    + "or the account profile"
            )
        }
        guard case .accounts(let accounts) = targets else {
            throw Problem(message: "the su profile names each account to su; name the accounts (--as)")
        }
        let program = try Self.word(substitute)
        guard SudoersWord.isPlain(launcher) else {
            throw Problem(
                message: "\(launcher) would have to pass a shell; give the launcher a path of letters, digits and ._-/"
            )
        }
        var words: [String] = []
        for account in accounts {
            guard let name = SudoersWord.argument(account.name),
                let expression = SudoersWord.expression(account.name)
            else {
                throw Problem(
                    message:
                        "a rule for su cannot hold the name \(account.name) exactly; use the account profile for it"
                )
            }
            words.append("\(program) - \(name) -c exec \(launcher) session")
            guard knowsExpressions, let path = SudoersWord.expression(launcher) else { continue }
            words.append("\(program) ^- \(expression) -c exec \(path) signal [0-9]+( [0-9]+:[0-9]+)+$")
        }
        return words
    }

    /// Whom for.
    private var runas: String {
        if profile == .su { return "#0" }
        // Not the superuser, nor whoever is in its group, by whatever name.
        let readable = deniedNumbers.filter { !unreadable.contains($0) }
        let nobodys = ["!root", "!#0", "!%#0"] + readable.map { "!#\($0)" }
        let users =
            switch targets {
            case .accounts(let accounts): accounts.map { "#\($0.number)" }
            case .members(let groups): groups.map { "%#\($0.number)" } + nobodys
            case .everybody: ["ALL"] + nobodys
            }
        // The last that matches counts. By name and by number: another name may have the same number, and sudo compares the
        // first name alone that a number of a group has.
        let denied =
            deniedAccounts.flatMap { Self.denials("", SudoersWord.account($0.name, $0.number), $0.number) }
            + deniedGroups.flatMap { Self.denials("%", SudoersWord.group($0.name, $0.number), $0.number) }
            + deniedNames.map { "!\($0)" }
        let list = (users + denied).joined(separator: ", ")
        guard !groups.isEmpty else { return list }
        return list + " : " + groups.map { "#\($0.number)" }.joined(separator: ", ")
    }

    private static func denials(_ kind: String, _ word: String, _ number: UInt32) -> [String] {
        let numbered = "!\(kind)#\(number)"
        return word == "#\(number)" ? [numbered] : ["!\(kind)\(word)", numbered]
    }

    private static func word(_ text: String) throws(Problem) -> String {
        guard let word = SudoersWord.path(text) else {
            throw Problem(message: "\(text) has characters in it that are patterns to sudo; give it another path")
        }
        return word
    }
}
