import SystemPackage

/// The login shell of an account, as the way to a program (``EnvironmentPolicy/login``).
///
/// A shell of the Bourne family reads the account's profile when its own name begins with `-`, and then becomes the
/// program: program and arguments are handed over as positional parameters, so that the shell never parses them.
enum LoginShell {
    private static let family: Set<String> = ["sh", "bash", "dash", "ash", "ksh", "ksh93", "mksh", "zsh"]

    /// The script the shell runs; it contains nothing of the job.
    private static let script = #"exec "$0" "$@""#

    /// The arguments that make a shell read its profile and become a program.
    ///
    /// - Parameters:
    ///   - account: The account whose shell it is.
    ///   - executable: The program.
    ///   - arguments: Its arguments.
    /// - Returns: The whole argument vector of the shell.
    /// - Throws: ``LaunchError`` when the account's shell does not read a profile that way.
    static func arguments(
        of account: Account,
        toRun executable: Executable,
        _ arguments: [String]
    ) throws(LaunchError) -> [String] {
        let name = account.shell.lastComponent?.string ?? ""
        guard account.shell.isAbsolute, family.contains(name) else {
            throw LaunchError(
                .invalidCommand,
                step: .prepare,
                account: account.name,
                message: "the shell of the account, \(account.shell), gives no login environment; use the clean or the "
                    + "export environment, or give the account a shell of the Bourne family"
            )
        }
        return ["-\(name)", "-c", script, executable.spelling] + arguments
    }
}
