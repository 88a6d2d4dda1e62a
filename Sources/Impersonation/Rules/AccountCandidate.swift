/// An account that wants to become an ``ExecutionIdentity``, and the question it answers.
public struct AccountCandidate: Sendable {
    /// The account, as the directory answered.
    public let account: Account

    /// The name the directory was asked for.
    public let askedFor: AccountName

    /// The request it is for.
    public let request: ExecutionRequest

    /// What bare names mean, in the rules as in requests.
    public let naming: AccountNaming

    /// Creates a candidate.
    ///
    /// - Parameters:
    ///   - account: The account, as the directory answered.
    ///   - askedFor: The name the directory was asked for.
    ///   - request: The request it is for.
    ///   - naming: What bare names mean, in the rules as in requests.
    public init(
        account: Account,
        askedFor: AccountName,
        request: ExecutionRequest,
        naming: AccountNaming = .standard
    ) {
        self.account = account
        self.askedFor = askedFor
        self.request = request
        self.naming = naming
    }
}
