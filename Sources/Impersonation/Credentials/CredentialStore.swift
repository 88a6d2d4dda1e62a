/// Where the credentials of accounts are kept.
///
/// Every registration makes a new version. A version that was tried and rejected is remembered as rejected and not
/// tried again until a newer one is registered, so that a wrong password never locks a domain account. That holds
/// whatever else is recorded for it, also the same password verified elsewhere: registering it again is what lifts it.
///
/// Accounts are compared by ``AccountName/canonical``. The methods are the transactions of a store: an implementation
/// on SQL runs each of them in one. `CredentialStoreConformance` in `ImpersonationTesting` checks an implementation.
public protocol CredentialStore: Sendable {
    /// Registers a credential, in place of any earlier one.
    ///
    /// - Parameters:
    ///   - secret: The password; the store takes it over and wipes what it does not keep.
    ///   - account: The account it belongs to.
    /// - Returns: The version the credential has from now on, greater than any the account ever had: a version is not
    ///   used again after the credential was removed, nor for the same password.
    /// - Throws: ``CredentialStoreError`` when the store could not be written. The earlier credential then stands.
    func register(
        _ secret: consuming Secret,
        for account: AccountName
    ) async throws(CredentialStoreError) -> CredentialVersion

    /// Says whether the registered credential may be used, without using it.
    ///
    /// - Parameter account: The account in question.
    /// - Returns: The version to use, or the reason why there is none.
    /// - Throws: ``CredentialStoreError`` when the store could not be read.
    func check(_ account: AccountName) async throws(CredentialStoreError) -> CredentialCheck

    /// Opens the registered credential for one launch.
    ///
    /// - Parameters:
    ///   - account: The account in question.
    ///   - version: The version to open; a store that has a newer one by now refuses.
    /// - Returns: The password, in memory of its own that is wiped when the value goes.
    /// - Throws: ``CredentialStoreError`` with the code `notFound` when nothing is registered, `superseded` when
    ///   another version is the current one, `rejected` when it was rejected, otherwise when it cannot be opened.
    func secret(
        for account: AccountName,
        version: CredentialVersion
    ) async throws(CredentialStoreError) -> Secret

    /// Removes the credential of an account.
    ///
    /// - Parameter account: The account in question.
    /// - Returns: Whether there was one.
    /// - Throws: ``CredentialStoreError`` when the store could not be written.
    @discardableResult
    func remove(_ account: AccountName) async throws(CredentialStoreError) -> Bool

    /// Tells what is known of the credential of an account; never the credential itself.
    ///
    /// - Parameter account: The account in question.
    /// - Returns: Version, times and rejection, or `nil` when none is registered.
    /// - Throws: ``CredentialStoreError`` when the store could not be read.
    func status(of account: AccountName) async throws(CredentialStoreError) -> CredentialStatus?

    /// Records that a version was accepted or rejected when it was used.
    ///
    /// - Parameters:
    ///   - verdict: What came of using it.
    ///   - account: The account in question.
    ///   - version: The version that was used; a verdict on a version that is no longer current is ignored.
    /// - Throws: ``CredentialStoreError`` when the store could not be written.
    func record(
        _ verdict: CredentialVerdict,
        for account: AccountName,
        version: CredentialVersion
    ) async throws(CredentialStoreError)
}
