import SystemPackage

/// A local file of the name service that is there and could not be read.
///
/// It must not count as empty: what nobody can read decides whether an account is local, and who else is asked.
struct LocalFilesProblem: Error, Hashable {
    /// The file.
    let path: FilePath

    /// What the system has said about it.
    let errno: Errno

    /// A clause for a message.
    var message: String { "\(path) cannot be read (\(errno))" }

    /// The failure of a lookup because of it.
    ///
    /// - Parameter subject: What was asked for.
    /// - Returns: An outage.
    func failure(subject: String) -> AccountDirectoryError {
        AccountDirectoryError(
            .unavailable,
            subject: subject,
            errno: errno,
            message:
                "\(message), so that nobody knows whom to ask; see that every process may read it and that this one has "
                + "descriptors left, then try again"
        )
    }
}
