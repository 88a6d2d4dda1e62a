/// What is demanded of a configuration file before it is believed.
public enum ConfigurationTrust: Sendable, Hashable {
    /// The file, each symbolic link and each directory on the way must belong to root or to this process's effective
    /// user, and nobody else may be able to write them.
    ///
    /// A directory that others can write passes when it is sticky, like `/tmp`: nobody can replace there what belongs
    /// to root. Use it wherever the file decides whom a job runs as.
    case trusted

    /// The file may belong to anybody. Only for looking at it: `config check` on a draft in somebody's home.
    case readOnly
}
