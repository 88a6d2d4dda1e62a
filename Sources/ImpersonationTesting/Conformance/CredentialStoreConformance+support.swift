import Impersonation

extension CredentialStoreConformance {
    static func name(_ text: String) throws -> AccountName {
        try AccountName(text)
    }

    static func secret(_ text: String) throws -> Secret {
        var bytes = Array(text.utf8)
        return try Secret(consumingBytes: &bytes)
    }

    static func register(
        _ store: any CredentialStore,
        _ password: String,
        for account: String
    ) async throws -> CredentialVersion {
        try await store.register(secret(password), for: name(account))
    }

    /// Opens a secret, which must be a certain one.
    static func mustOpen(
        _ store: any CredentialStore,
        _ account: String,
        _ version: CredentialVersion,
        as password: String
    ) async throws {
        let opened = try await store.secret(for: name(account), version: version)
        let isSame = try opened.matches(secret(password))
        try require(isSame, "the secret of \(account) is not the one that was registered")
    }

    /// Opens a secret, which must be refused with a code.
    static func mustRefuse(
        _ store: any CredentialStore,
        _ account: String,
        _ version: CredentialVersion,
        because code: CredentialStoreError.Code
    ) async throws {
        let holder = try name(account)
        do throws(CredentialStoreError) {
            _ = try await store.secret(for: holder, version: version)
        } catch {
            try require("the code of the refusal to open", error.code, is: code)
            try require(error.message.contains(account), "the error does not name \(account): \(error.message)")
            return
        }
        throw Violation(message: "version \(version.rawValue) of \(account) was opened, expected \(code)")
    }

    /// Checks an account, which must have a usable version.
    static func mustBeUsable(_ store: any CredentialStore, _ account: String, _ version: CredentialVersion) async throws
    {
        try require("the check of \(account)", await store.check(name(account)), is: .usable(version))
    }

    /// Checks an account, which must be a badlogin for a reason.
    static func mustBeBadLogin(
        _ store: any CredentialStore,
        _ account: String,
        because reason: BadLogin.Reason
    ) async throws {
        guard case .badLogin(let badLogin) = try await store.check(name(account)) else {
            throw Violation(message: "\(account) is usable, expected the badlogin \(reason)")
        }
        try require("the reason of the badlogin", badLogin.reason, is: reason)
        try require(badLogin.message.contains(account), "the badlogin does not name \(account): \(badLogin.message)")
    }

    /// Reads the status of an account, which must be there.
    static func status(_ store: any CredentialStore, _ account: String) async throws -> CredentialStatus {
        guard let status = try await store.status(of: name(account)) else {
            throw Violation(message: "\(account) has no status")
        }
        return status
    }
}
