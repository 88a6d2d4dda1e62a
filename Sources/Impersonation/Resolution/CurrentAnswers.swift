import SystemPackage

/// A directory as it answers now: nothing that is remembered is taken for an answer.
struct CurrentAnswers: AccountDirectory {
    private let directory: any AccountDirectory

    /// - Parameter directory: Who is asked.
    init(of directory: any AccountDirectory) {
        self.directory = directory
    }

    func account(
        named name: AccountName,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> Account? {
        try await directory.account(named: name, freshness: .current)
    }

    func account(
        withID userID: UserID,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> Account? {
        try await directory.account(withID: userID, freshness: .current)
    }

    func groupID(
        named name: String,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> GroupID? {
        try await directory.groupID(named: name, freshness: .current)
    }

    func reasonsToDoubtAbsence() async -> [String] { await directory.reasonsToDoubtAbsence() }
}
