public import FoundationEssentials
import Synchronization

/// A credential store that forgets everything when the process ends: for tests, and for hosts that are handed
/// passwords at start.
///
/// Secrets stay in locked memory, a page each, so `RLIMIT_MEMLOCK` bounds how many accounts an unprivileged process can
/// hold; ``CredentialStoreError`` with the code `memoryUnavailable` says when it does.
public final class InMemoryCredentialStore: CredentialStore {
    /// The current credential of one account.
    private struct Entry {
        let box: SecretBox
        var status: CredentialStatus
    }

    /// Everything the store holds.
    private struct State {
        var entries: [AccountName: Entry] = [:]

        /// The last version given out, to whichever account: none is given out twice, also not after a removal.
        var lastVersion: Int64 = 0
    }

    private let now: @Sendable () -> Date
    private let state = Mutex(State())

    /// Creates an empty store.
    ///
    /// - Parameter now: Tells the time for ``CredentialStatus``.
    public init(now: @escaping @Sendable () -> Date = { Date.now }) {
        self.now = now
    }

    /// Registers a credential, in place of any earlier one, which is wiped.
    ///
    /// Never throws.
    public func register(
        _ secret: consuming Secret,
        for account: AccountName
    ) async throws(CredentialStoreError) -> CredentialVersion {
        let box = SecretBox(secret)
        let date = now()
        return state.withLock { state in
            state.lastVersion += 1
            let version = CredentialVersion(rawValue: state.lastVersion)
            let status = CredentialStatus(
                account: account,
                version: version,
                registered: date,
                lastAccepted: nil,
                rejection: nil
            )
            state.entries[account] = Entry(box: box, status: status)
            return version
        }
    }

    /// Says whether the registered credential may be used, without using it.
    ///
    /// Never throws.
    public func check(_ account: AccountName) async throws(CredentialStoreError) -> CredentialCheck {
        guard let status = state.withLock({ $0.entries[account]?.status }) else {
            return .badLogin(BadLogin(.missing, message: Self.missing(account)))
        }
        if let rejection = status.rejection {
            return .badLogin(BadLogin(rejection.reason, message: Self.rejected(account, status, rejection)))
        }
        return .usable(status.version)
    }

    /// Opens the registered credential for one launch: a copy that lives independently of the store.
    ///
    /// - Throws: ``CredentialStoreError`` with the code `notFound`, `superseded` or `rejected` when this version is not
    ///   to be used, or `memoryUnavailable` when memory for the copy could not be locked.
    public func secret(
        for account: AccountName,
        version: CredentialVersion
    ) async throws(CredentialStoreError) -> Secret {
        guard let entry = state.withLock({ $0.entries[account] }) else {
            throw CredentialStoreError(.notFound, message: Self.missing(account))
        }
        guard entry.status.version == version else {
            throw CredentialStoreError(
                .superseded,
                message:
                    "version \(version.rawValue) of the credential of \(account) is not the current one: check the "
                    + "account again and use the version that gives"
            )
        }
        if let rejection = entry.status.rejection {
            throw CredentialStoreError(.rejected, message: Self.rejected(account, entry.status, rejection))
        }
        return try entry.box.secret.copy()
    }

    /// Removes the credential of an account and wipes it.
    ///
    /// Never throws.
    @discardableResult
    public func remove(_ account: AccountName) async throws(CredentialStoreError) -> Bool {
        state.withLock { $0.entries.removeValue(forKey: account) } != nil
    }

    /// Tells what is known of the credential of an account; never the credential itself.
    ///
    /// Never throws.
    public func status(of account: AccountName) async throws(CredentialStoreError) -> CredentialStatus? {
        state.withLock { $0.entries[account]?.status }
    }

    /// Records that a version was accepted or rejected when it was used.
    ///
    /// Never throws.
    public func record(
        _ verdict: CredentialVerdict,
        for account: AccountName,
        version: CredentialVersion
    ) async throws(CredentialStoreError) {
        let date = now()
        state.withLock { state in
            guard let status = state.entries[account]?.status, status.version == version else { return }
            var (lastAccepted, rejection) = (status.lastAccepted, status.rejection)
            switch verdict {
            case .accepted: lastAccepted = date
            case .rejected(let reason): rejection = CredentialStatus.Rejection(date: date, reason: reason)
            }
            state.entries[account]?.status = CredentialStatus(
                account: status.account,
                version: version,
                registered: status.registered,
                lastAccepted: lastAccepted,
                rejection: rejection
            )
        }
    }

    private static func missing(_ account: AccountName) -> String {
        "no credential is registered for \(account): register its password"
    }

    private static func rejected(
        _ account: AccountName,
        _ status: CredentialStatus,
        _ rejection: CredentialStatus.Rejection
    ) -> String {
        "the credential of \(account) registered at \(status.registered.ISO8601Format()) was rejected at "
            + "\(rejection.date.ISO8601Format()) (\(rejection.reason)): it is not tried again until a new one is registered"
    }
}

extension InMemoryCredentialStore: CustomReflectable {
    /// Nothing of what the store holds.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
