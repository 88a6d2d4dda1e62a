import SystemPackage

/// Accounts below a user id are not for jobs: they belong to the system.
public struct MinimumUserIDRule: AccountRule {
    /// The smallest user id that passes.
    public let minimum: UInt32

    /// Where the minimum was set.
    public let source: RuleSource

    /// The stable name of the rule.
    public var name: String { "minimumUserID" }

    /// Creates a rule.
    ///
    /// - Parameters:
    ///   - minimum: The smallest user id that passes.
    ///   - source: Where the minimum was set.
    public init(_ minimum: UInt32, from source: RuleSource = .program) {
        self.minimum = minimum
        self.source = source
    }

    /// Judges one account by its user id; nothing is looked up.
    ///
    /// - Parameters:
    ///   - candidate: The account.
    ///   - directory: Not asked.
    /// - Returns: Whether the user id reaches the minimum.
    /// - Throws: Nothing.
    public func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        let userID = candidate.account.userID.rawValue
        guard userID < minimum else { return .passes("user id \(userID) is not below \(minimum)") }
        return .refused(
            Denial(
                .belowMinimumUserID,
                message: "account \(candidate.account.name) has user id \(userID), below the minimum of \(minimum) "
                    + "(\(source)); name another account, or lower minimum_uid"
            )
        )
    }
}
