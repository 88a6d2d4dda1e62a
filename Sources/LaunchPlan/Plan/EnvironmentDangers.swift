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

    /// Whether a variable is one of them.
    ///
    /// Shells read functions from variables whose value begins with `()`; the name does not matter (CVE-2014-6271).
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - value: The value.
    /// - Returns: Whether a job must not have it.
    package static func isDangerous(_ name: String, _ value: String) -> Bool {
        if value.hasPrefix("()") { return true }
        return names.contains { pattern in
            pattern.hasSuffix("*") ? name.hasPrefix(pattern.dropLast()) : name == pattern
        }
    }
}
