public import Impersonation

extension ExecutionIdentity {
    /// An identity for a test of whatever comes after the resolver.
    ///
    /// `AccountRules` makes it, without a site's rules but with the built-in ones, because nothing else can. Not even
    /// a test gets an identity of the superuser, of group 0 or of a reserved id.
    ///
    /// - Parameters:
    ///   - account: The account the job is to run as.
    ///   - login: The person on whose behalf it runs; the account itself unless given.
    ///   - mode: The mode that would have chosen the account; `ExecutionMode.desktop` makes an identity that keeps the
    ///     current account.
    /// - Returns: The identity.
    /// - Throws: ``RefusedTestIdentity`` when a built-in rule refuses the account.
    public static func forTesting(
        account: Account,
        login: AccountName? = nil,
        mode: ExecutionMode = .user
    ) async throws -> ExecutionIdentity {
        let login = login ?? account.name
        var explanation = Explanation()
        let admission = try await AccountRules([])
            .admit(
                AccountCandidate(
                    account: account,
                    askedFor: account.name,
                    request: ExecutionRequest(login: login.spelling)
                ),
                login: login,
                mode: mode,
                in: InMemoryAccountDirectory([account]),
                explanation: &explanation
            )
        switch admission {
        case .admitted(let identity): return identity
        case .refused(let denial): throw RefusedTestIdentity(denial: denial)
        }
    }
}

/// A test asked for an identity that a built-in rule refuses.
public struct RefusedTestIdentity: Error, Sendable, Hashable, CustomStringConvertible {
    /// What the rule said.
    public let denial: Denial

    /// One line for a person.
    public var description: String { "no test may have this identity: \(denial.message)" }

    init(denial: Denial) {
        self.denial = denial
    }
}
