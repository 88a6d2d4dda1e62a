/// Why `sudo` did not run a job, as far as its message tells.
///
/// All failures of `sudo` itself have the exit status 1, as a job may have; a job is told from them by what the kernel says of it
/// (see ``SudoLauncher``), never by that.
public enum SudoRefusal: String, Sendable, Hashable, CaseIterable {
    /// There is no `sudo` at the path.
    case notInstalled

    /// Somebody but root could replace `sudo`, or what is on the way to it.
    case notTrusted

    /// `sudo` is not set-user-ID root, or its file system ignores that (`nosuid`).
    case notSetUserID

    /// This daemon can gain no privileges (`PR_SET_NO_NEW_PRIVS`, `NoNewPrivileges=` of systemd), so `sudo` cannot either.
    case noNewPrivileges

    /// A password is required. Without a rule for this daemon, the original `sudo` asks for one as well before it says so.
    case passwordRequired

    /// The password was wrong, or none was given.
    case wrongPassword

    /// The daemon's account is in no rule. sudo-rs says so also when it is in another one, and before it asks for a password.
    case notInSudoers

    /// There are rules for the daemon's account, but not for the launcher as this account, or not with this program.
    case commandNotAllowed

    /// `sudo` does not know the account or the group.
    case unknownAccount

    /// The launcher is not where the daemon says.
    case launcherNotFound

    /// The rules want a terminal (`requiretty`), or a way to ask for a password.
    case terminalRequired

    /// The account of the daemon is locked, expired, or turned away by PAM.
    case accountInvalid

    /// The rules cannot be read.
    case invalidRules

    /// `sudo` stands between the job and its streams (`log_input`, `log_output`), or keeps it from running programs (`NOEXEC`).
    case interferes

    /// Another reason, which the message tells.
    case other
}

extension SudoRefusal {
    /// Phrases of the original `sudo` (C locale) and of sudo-rs; the first that is found counts.
    private static let phrases: [(text: String, refusal: SudoRefusal)] = [
        ("no new privileges", .noNewPrivileges),
        ("must be owned by uid 0 and have the setuid bit set", .notSetUserID),
        ("effective uid is not 0", .notSetUserID),
        ("account validation failure", .accountInvalid),
        ("Account validation failure", .accountInvalid),
        // What follows it is that a password is required.
        ("Account expired or PAM config lacks", .accountInvalid),
        ("incorrect password attempt", .wrongPassword),
        ("incorrect authentication attempt", .wrongPassword),
        ("no password was provided", .wrongPassword),
        ("a password is required", .passwordRequired),
        ("interactive authentication is required", .passwordRequired),
        // What sudo-rs before 0.2.9 has of pam_unix when nobody may be asked.
        ("must have a tty", .terminalRequired),
        ("a terminal is required", .terminalRequired),
        ("is not in the sudoers file", .notInSudoers),
        ("afraid I can't do that", .notInSudoers),
        ("may not run sudo", .notInSudoers),
        ("is not allowed to execute", .commandNotAllowed),
        ("may not run", .commandNotAllowed),
        ("is not allowed to run sudo", .commandNotAllowed),
        ("unknown user", .unknownAccount),
        ("unknown group", .unknownAccount),
        ("you do not exist in the passwd database", .accountInvalid),
        ("user 'current user' not found", .accountInvalid),
        ("user '#", .unknownAccount),
        ("group '#", .unknownAccount),
        ("command not found", .launcherNotFound),
        ("unable to execute", .launcherNotFound),
        ("cannot execute", .launcherNotFound),
        ("Account or password is expired", .accountInvalid),
        ("account has expired", .accountInvalid),
        ("PAM account management error", .accountInvalid),
        ("no valid sudoers sources", .invalidRules),
        ("syntax error", .invalidRules),
        ("invalid configuration", .invalidRules),
        ("bad permissions", .invalidRules),
        ("is world writable", .invalidRules),
        ("unable to initialize policy plugin", .invalidRules),
    ]

    /// Reads what `sudo` has written to its standard error.
    ///
    /// - Parameter message: The text.
    package init(message: String) {
        self = Self.phrases.first { message.contains($0.text) }?.refusal ?? .other
    }

    /// What others than `sudo` say, whom the account could speak for: the launcher and `su`.
    private static let phrasesOfOthers: [(text: String, refusal: SudoRefusal)] = [
        ("impersonation-launcher: standard input", .interferes),
        ("impersonation-launcher: sudo keeps", .interferes),
        ("su: Authentication failure", .accountInvalid),
    ]

    /// Reads what somebody else has written where `sudo` says its reasons.
    ///
    /// - Parameter message: The text.
    init(messageOfOthers message: String) {
        self = Self.phrasesOfOthers.first { message.contains($0.text) }?.refusal ?? .other
    }

    /// Whether the policy has spoken, and not the machine.
    var isPolicy: Bool {
        switch self {
        case .passwordRequired, .wrongPassword, .notInSudoers, .commandNotAllowed, .unknownAccount, .terminalRequired,
            .accountInvalid, .other:
            true
        case .notInstalled, .notTrusted, .notSetUserID, .noNewPrivileges, .launcherNotFound, .invalidRules, .interferes:
            false
        }
    }

    /// What to do about it.
    var remedy: String {
        switch self {
        case .notInstalled: "install sudo, or name the one there is"
        case .notTrusted: "name the sudo of the system, which root alone can write"
        case .notSetUserID: "restore its owner and mode (root, 4755), and take nosuid off its file system"
        case .noNewPrivileges: "take NoNewPrivileges= off the daemon's unit, or use the system helper"
        case .passwordRequired: "add a rule for the daemon with NOPASSWD (impersonate sudoers prints it)"
        case .wrongPassword: "correct the password; it was tried once"
        case .notInSudoers, .commandNotAllowed:
            "add the account and the launcher to the daemon's rule (impersonate sudoers prints it)"
        case .unknownAccount: "look whether sudo asks the same name service as the daemon"
        case .launcherNotFound: "install impersonation-launcher there, executable for everybody"
        case .terminalRequired: "take requiretty off for the daemon (impersonate sudoers prints the line)"
        case .accountInvalid: "look at the daemon's account and at /etc/pam.d/sudo"
        case .invalidRules: "check the rules with visudo -c"
        case .interferes:
            "switch log_input, log_output, NOEXEC and INTERCEPT off for the launcher (impersonate sudoers prints the lines "
                + "for all but the last)"
        case .other: "look at the log of sudo"
        }
    }
}
