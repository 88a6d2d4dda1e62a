import LocalAccounts

extension LocalFilesProblem {
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
