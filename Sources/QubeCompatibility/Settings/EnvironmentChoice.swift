/// The values of `environment`: how the environment of a job is built.
///
/// A file can only choose the way; the variables that ``export`` hands on come with each request.
public enum EnvironmentChoice: String, Sendable, Hashable, CaseIterable {
    /// The account's `HOME`, `USER`, `LOGNAME`, `SHELL` and `PATH`, and nothing else.
    case clean

    /// The environment of a login shell of the account.
    case login

    /// ``clean``, and the variables the submitter sent along.
    case export
}
