/// How the environment of a job is built.
///
/// It is always built, never filtered from the daemon's own.
public enum EnvironmentPolicy: Sendable, Hashable {
    /// `HOME`, `USER`, `LOGNAME`, `SHELL` and `PATH` of the account of the job, and nothing else.
    case clean

    /// The environment of a login shell of the account: its shell reads the account's profile and then becomes the
    /// program.
    ///
    /// Only for shells of the Bourne family, which read a profile when their own name begins with `-`.
    case login

    /// ``clean``, and these variables of the submitter.
    ///
    /// The five variables of the account stay the account's. Variables that make the loader or a shell run code
    /// (`LD_PRELOAD`, `BASH_ENV`, values that are shell functions, ...) are left out and stand in
    /// ``LaunchReport/omittedVariables``.
    case export([String: String])
}
