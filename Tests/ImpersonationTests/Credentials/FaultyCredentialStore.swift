import FoundationEssentials
import Impersonation
import Synchronization

/// A store with one of the mistakes real ones make, to prove that the conformance suite notices each of them.
final class FaultyCredentialStore: CredentialStore {
    enum Fault {
        case ignoresDomains
        case truncatesAtNewline
        case startsVersionsAnewAfterRemoval
        case keepsVersionOfSamePassword
        case opensSuperseded
        case opensRejected
        case acceptsAfterRejection
        case liftsNothing
        case hitsWhateverIsCurrent
        case forgetsReason
        case keepsStatusOnRemoval
        case rejectsOthersToo
        case readsBeforeRegistering
    }

    private let fault: Fault
    private let base = InMemoryCredentialStore()
    private let versions = Mutex<[AccountName: CredentialVersion]>([:])
    private let offsets = Mutex<[AccountName: Int64]>([:])
    private let rejected = Mutex<BadLogin.Reason?>(nil)

    init(_ fault: Fault) {
        self.fault = fault
    }

    private func account(_ account: AccountName) -> AccountName {
        guard fault == .ignoresDomains else { return account }
        return (try? AccountName(account.user.lowercased())) ?? account
    }

    func register(
        _ secret: consuming Secret,
        for account: AccountName
    ) async throws(CredentialStoreError) -> CredentialVersion {
        if fault == .keepsVersionOfSamePassword, let current = versions.withLock({ $0[account] }),
            let stored = try? await base.secret(for: account, version: current), stored.matches(secret)
        {
            return current
        }
        if fault == .readsBeforeRegistering {
            let last = versions.withLock { $0[account]?.rawValue ?? 0 }
            await Task.yield()
            _ = try await base.register(secret, for: account)
            let version = CredentialVersion(rawValue: last + 1)
            versions.withLock { $0[account] = version }
            return version
        }
        let kept = fault == .truncatesAtNewline ? try Self.firstLine(secret) : secret
        let version = try await base.register(kept, for: self.account(account))
        versions.withLock { $0[account] = version }
        guard fault == .startsVersionsAnewAfterRemoval else { return version }
        let offset = offsets.withLock { $0[account, default: 0] }
        return CredentialVersion(rawValue: version.rawValue - offset)
    }

    private static func firstLine(_ secret: borrowing Secret) throws(CredentialStoreError) -> Secret {
        var bytes = secret.withBytes { bytes in
            (0..<bytes.byteCount).map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        }
        if bytes.last == UInt8(ascii: "\n"), bytes.count > 1 { bytes.removeLast() }
        return try Secret(consumingBytes: &bytes)
    }

    func check(_ account: AccountName) async throws(CredentialStoreError) -> CredentialCheck {
        if fault == .liftsNothing || fault == .rejectsOthersToo, let reason = rejected.withLock({ $0 }) {
            return .badLogin(BadLogin(reason, message: "\(account) was rejected"))
        }
        let check = try await base.check(self.account(account))
        if fault == .forgetsReason, case .badLogin(let badLogin) = check, badLogin.reason != .missing {
            return .badLogin(BadLogin(.rejected, message: badLogin.message))
        }
        return check
    }

    func secret(
        for account: AccountName,
        version: CredentialVersion
    ) async throws(CredentialStoreError) -> Secret {
        var version = version
        if fault == .opensSuperseded, let current = versions.withLock({ $0[account] }) { version = current }
        do {
            return try await base.secret(for: self.account(account), version: version)
        } catch {
            guard fault == .opensRejected, error.code == .rejected else { throw error }
            var anything = Array("anything".utf8)
            return try Secret(consumingBytes: &anything)
        }
    }

    func remove(_ account: AccountName) async throws(CredentialStoreError) -> Bool {
        if let last = versions.withLock({ $0[account] }) { offsets.withLock { $0[account] = last.rawValue } }
        return try await base.remove(self.account(account))
    }

    func status(of account: AccountName) async throws(CredentialStoreError) -> CredentialStatus? {
        let status = try await base.status(of: self.account(account))
        guard fault == .keepsStatusOnRemoval, status == nil, let version = versions.withLock({ $0[account] }) else {
            return status
        }
        return CredentialStatus(
            account: account,
            version: version,
            registered: .now,
            lastAccepted: nil,
            rejection: nil
        )
    }

    func record(
        _ verdict: CredentialVerdict,
        for account: AccountName,
        version: CredentialVersion
    ) async throws(CredentialStoreError) {
        var version = version
        if fault == .hitsWhateverIsCurrent, let current = try await base.status(of: account)?.version {
            version = current
        }
        if case .rejected(let reason) = verdict { rejected.withLock { $0 = reason } }
        if fault == .acceptsAfterRejection, verdict == .accepted,
            let stored = try await base.status(of: account), stored.rejection != nil
        {
            var again = Array("again".utf8)
            _ = try await base.register(Secret(consumingBytes: &again), for: account)
            return
        }
        try await base.record(verdict, for: self.account(account), version: version)
    }
}
