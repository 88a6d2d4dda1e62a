public import FoundationEssentials

/// Permission for one login to act as one proxy account.
public struct Grant: Sendable, Hashable {
    /// The login that may act.
    public let login: AccountName

    /// The proxy account it may act as.
    public let account: AccountName

    /// The last moment the grant holds, or `nil` when it does not end.
    public let until: Date?

    /// The addresses requests may come from.
    public let addresses: AddressScope

    /// Creates a grant.
    ///
    /// - Parameters:
    ///   - login: The login that may act.
    ///   - account: The proxy account it may act as.
    ///   - until: The last moment the grant holds, that moment included.
    ///   - addresses: The addresses requests may come from.
    public init(login: AccountName, account: AccountName, until: Date? = nil, addresses: AddressScope = .anywhere) {
        self.login = login
        self.account = account
        self.until = until
        self.addresses = addresses
    }

    /// Returns whether the grant still holds.
    ///
    /// - Parameter date: The moment in question; the end of the grant is part of it.
    /// - Returns: Whether the grant holds then.
    public func holds(at date: Date) -> Bool {
        guard let until else { return true }
        return date <= until
    }
}
