public import SystemPackage

/// The name service of this host, as far as accounts are concerned.
///
/// "There is no such account" is an answer (`nil`); "the name service could not be asked" is an
/// ``AccountDirectoryError``. The two never stand for one another: a directory that is down must not look like an
/// account that is gone.
///
/// Every lookup has a deadline and never blocks a thread of the Swift concurrency pool.
public protocol AccountDirectory: Sendable {
    /// Looks an account up by name.
    ///
    /// - Parameters:
    ///   - name: The name to ask for; its spelling is what the name service is asked.
    ///   - freshness: How old the answer may be.
    /// - Returns: The account with all its groups, or `nil` when the directory says that there is none.
    /// - Throws: ``AccountDirectoryError`` when the directory could not be asked or gave no usable answer.
    func account(
        named name: AccountName,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> Account?

    /// Looks an account up by user id.
    ///
    /// - Parameters:
    ///   - userID: The user id to ask for.
    ///   - freshness: How old the answer may be.
    /// - Returns: The account with all its groups, or `nil` when the directory says that there is none.
    /// - Throws: ``AccountDirectoryError`` when the directory could not be asked or gave no usable answer.
    func account(
        withID userID: UserID,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> Account?

    /// Looks a group up by name.
    ///
    /// - Parameters:
    ///   - name: The name of the group.
    ///   - freshness: How old the answer may be.
    /// - Returns: The group id, or `nil` when the directory says that there is no such group.
    /// - Throws: ``AccountDirectoryError`` when the directory could not be asked or gave no usable answer.
    func groupID(
        named name: String,
        freshness: AccountFreshness
    ) async throws(AccountDirectoryError) -> GroupID?

    /// Why an account that this directory says it has not may be there all the same.
    ///
    /// There are name services that say the same of an account that there is not and of one whose server they do not reach, and that
    /// nobody can ask which it is. Asked only once an account was not found, or was found in a later visible domain than the first;
    /// without a reason one that was not found is asked for once more (``AccountFreshness/current``). So what is said now has to hold now: a directory that remembers answers does not
    /// remember that there is no reason, and one that asks another one passes its reasons on.
    ///
    /// - Returns: What is the matter and what to do about it, a reason each; empty where its word is worth it, as it is unless a
    ///   directory says otherwise.
    func reasonsToDoubtAbsence() async -> [String]
}

extension AccountDirectory {
    /// None.
    public func reasonsToDoubtAbsence() async -> [String] { [] }
}

/// How old the answer of an ``AccountDirectory`` may be.
public enum AccountFreshness: Sendable, Hashable {
    /// The directory itself is asked; no cache answers.
    case current

    /// A cached answer within its time to live will do. This is what a new right is decided by.
    case cached

    /// A cached answer past its time to live will do when the directory is not available.
    ///
    /// Never used to grant anything new: only to describe or to end what already runs.
    case stale
}
