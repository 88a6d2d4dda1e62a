/// How a daemon proves to `sudo` that it may.
public enum SudoAuthentication: Sendable {
    /// Not at all: the rule says `NOPASSWD`. The way for daemons.
    case none

    /// With the password that the rule asks for, mostly that of the daemon's own account (`sudo -S`).
    ///
    /// It is asked for at each launch, written to `sudo` once it asks and never before, and only once: a second prompt means that it
    /// was wrong, and ends the launch. It has no line break, since each line would be an attempt, and no more bytes than that `sudo`
    /// reads, which are 255 before 1.9. It goes through the socket that later brings the order of the job, and so is neither in the
    /// way of its standard input nor to be seen anywhere. How long the closure takes is not limited. Cached credentials are not used
    /// (`-k`). `nil` gives the launch up.
    ///
    /// Only with a `sudo` that says that it is the original one: sudo-rs does not say what a module of PAM asks for. A shell of the account (``SudoProfile/login``, ``SudoProfile/substitute(_:)``) cannot ask in its place, nor find the password:
    /// the kernel says who asks, and `sudo` has read it before it runs anything.
    case password(@Sendable () async -> Secret?)

    /// Whether a password is to be had.
    var asks: Bool {
        if case .password = self { true } else { false }
    }

    /// Why `sudo` would not read it as one password; `nil` when it does.
    ///
    /// It takes any line break for the end of one, and the rest for the next attempt; so does one that reads fewer bytes than there
    /// are. Neither is a ``Secret`` empty, nor longer than what PAM takes.
    static func problem(of secret: borrowing Secret, for flavour: SudoProgram.Flavour) -> String? {
        let (hasBreak, count) = secret.withBytes { span in
            unsafe span.withUnsafeBytes { bytes in
                let hasBreak = unsafe bytes.contains { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
                return (hasBreak, bytes.count)
            }
        }
        if hasBreak {
            return "the password for sudo has a line break in it, and each line would be an attempt; give it without"
        }
        guard count > flavour.longestPassword else { return nil }
        return
            "the password has more than the \(flavour.longestPassword) bytes that \(flavour) reads, which would take the rest for "
            + "another attempt; use a shorter one, install sudo 1.9, or make the rule NOPASSWD"
    }
}
