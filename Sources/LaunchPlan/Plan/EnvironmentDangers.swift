/// What a submitter's or a daemon's variables must not do to a job.
package enum EnvironmentDangers {
    /// The search path of a job; also what a name as executable is searched in.
    package static let searchPath = "/usr/local/bin:/usr/bin:/bin"

    /// Variables that make the dynamic loader, a shell or an interpreter run code of somebody else's choosing, or read
    /// files of somebody else's choosing with the job's rights.
    ///
    /// Names that end with `*` stand for every name with that beginning. The table is what sudo, sudo-rs and OpenSSH
    /// refuse, each for a reason it was attacked through.
    private static let names: [String] = [
        "LD_*", "DYLD_*", "_RLD*", "LDR_*", "LIBPATH", "SHLIB_PATH", "GCONV_PATH", "GLIBC_TUNABLES", "MALLOC_*",
        "BASH_ENV", "BASH_FUNC_*", "ENV", "IFS", "CDPATH", "PS4", "SHELLOPTS", "BASHOPTS", "GLOBIGNORE", "ZDOTDIR",
        "FPATH", "NULLCMD", "READNULLCMD", "PROMPT_COMMAND", "HISTFILE",
        "PERL5LIB", "PERL5OPT", "PERL5DB", "PERLLIB", "PERLIO_DEBUG", "PYTHONHOME", "PYTHONPATH", "PYTHONINSPECT",
        "PYTHONSTARTUP", "PYTHONUSERBASE", "RUBYLIB", "RUBYOPT", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS",
        "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS",
        "TZ", "TZDIR", "NLSPATH", "PATH_LOCALE", "LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES", "RESOLV_*", "TERMCAP",
        "TERMINFO", "TERMINFO_DIRS", "TERMPATH", "KRB5_*", "KRB5CCNAME", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR",
        "DBUS_*", "SUDO_*",
    ]

    /// The variables that say who the account is, and where its programs are.
    package static let ofTheAccount: Set<String> = ["HOME", "USER", "LOGNAME", "SHELL", "PATH"]

    /// What modules of PAM say of a session, and nobody else may: where its tickets, its runtime directory and its agents are.
    private static let ofTheSession: Set<String> = [
        "KRB5CCNAME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK", "TZ",
    ]

    /// Whether a job may have a variable that a module of PAM has set.
    ///
    /// Modules read files of the account (`pam_env`), so what they say is not all the administrator's word.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - value: The value.
    ///   - permitted: Where only certain programs are permitted, the names that are beside those of the session and the language.
    /// - Returns: Whether it may.
    package static func mayComeFromSession(
        _ name: some Collection<UInt8>,
        _ value: some Collection<UInt8>,
        whereRestricted permitted: Set<String>?
    ) -> Bool {
        let text = String(decoding: name, as: UTF8.self)
        guard isName(name), !ofTheAccount.contains(text), !value.starts(with: "()".utf8) else { return false }
        if ofTheSession.contains(text) {
            return permitted == nil || !commandeers(text, String(decoding: value, as: UTF8.self))
        }
        guard !isDangerous(name, value) else { return false }
        return permitted.map { $0.contains(text) || isHarmless(name, value) } ?? true
    }

    /// Whether the value of a session's variable makes a program run another one, or read a file of somebody's choice.
    ///
    /// An address of D-Bus may name a program (`unixexec:`, `autolaunch:`), or a place where somebody else answers; `TZ` may name a
    /// file.
    private static func commandeers(_ name: String, _ value: String) -> Bool {
        switch name {
        case "DBUS_SESSION_BUS_ADDRESS":
            value.split(separator: ";", omittingEmptySubsequences: false)
                .contains { !$0.hasPrefix("unix:path=/run/") || $0.contains("%") || $0.contains("..") }
        case "TZ": value.hasPrefix("/") || value.hasPrefix(":") || value.contains("..")
        default: false
        }
    }

    /// Whether bytes are the name of a variable as every shell takes it.
    package static func isName(_ name: some Collection<UInt8>) -> Bool {
        guard let first = name.first, !isDigit(first) else { return false }
        return name.allSatisfy { isDigit($0) || $0 == UInt8(ascii: "_") || isLetter($0) }
    }

    /// Whether a variable says language or terminal, and nothing but a word.
    ///
    /// For jobs whose programs are restricted: the table of what is dangerous can never be complete, and to a name that nobody
    /// knows no value is harmless, not even a number, which is a path as well.
    package static func isHarmless(_ name: some Collection<UInt8>, _ value: some Collection<UInt8>) -> Bool {
        let isPlain = value.allSatisfy { isDigit($0) || isLetter($0) || "_-.@+".utf8.contains($0) }
        guard isPlain, !isDangerous(name, value) else { return false }
        return plainNames.contains(Array(name))
    }

    private static let plainNames = Set(
        [
            "LANG", "LANGUAGE", "TERM", "LC_ALL", "LC_ADDRESS", "LC_COLLATE", "LC_CTYPE", "LC_IDENTIFICATION",
            "LC_MEASUREMENT", "LC_MESSAGES", "LC_MONETARY", "LC_NAME", "LC_NUMERIC", "LC_PAPER", "LC_TELEPHONE",
            "LC_TIME",
        ]
        .map { Array($0.utf8) }
    )

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    private static let exactNames = Set(names.filter { !$0.hasSuffix("*") }.map { Array($0.utf8) })
    private static let beginnings = names.filter { $0.hasSuffix("*") }.map { Array($0.utf8.dropLast()) }

    /// Whether a variable is one of them.
    ///
    /// Compared byte by byte: a character that combines with the one before it makes another character of that, and not
    /// another byte. Shells read functions from variables whose value begins with `()`; the name does not matter
    /// (CVE-2014-6271).
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - value: The value.
    /// - Returns: Whether a job must not have it.
    package static func isDangerous(_ name: some Collection<UInt8>, _ value: some Collection<UInt8>) -> Bool {
        if value.starts(with: "()".utf8) { return true }
        return exactNames.contains(Array(name)) || beginnings.contains { name.starts(with: $0) }
    }

    /// Whether a variable is one of them.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - value: The value.
    /// - Returns: Whether a job must not have it.
    package static func isDangerous(_ name: String, _ value: String) -> Bool {
        isDangerous(name.utf8, value.utf8)
    }
}
