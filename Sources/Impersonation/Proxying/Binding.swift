public import FoundationEssentials

/// The one proxy account a login acts as right now.
public struct Binding: Sendable, Hashable {
    /// The login that acts.
    public let login: AccountName

    /// The proxy account it acts as.
    public let account: AccountName

    /// When the login was bound.
    public let since: Date

    /// Creates a binding.
    ///
    /// - Parameters:
    ///   - login: The login that acts.
    ///   - account: The proxy account it acts as.
    ///   - since: When the login was bound.
    public init(login: AccountName, account: AccountName, since: Date) {
        self.login = login
        self.account = account
        self.since = since
    }
}
