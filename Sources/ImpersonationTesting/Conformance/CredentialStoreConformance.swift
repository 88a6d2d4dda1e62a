public import Impersonation

/// What every `CredentialStore` has to do, whatever it is stored in.
///
/// Run each requirement on a store of its own, new and empty. At most 1,000 secrets are registered at a time, each of
/// which takes a page of locked memory while it is passed on. The passwords are made up.
public enum CredentialStoreConformance {
    /// A requirement on a store.
    public typealias Requirement = ConformanceRequirement<any CredentialStore>

    /// Every requirement.
    public static let requirements: [Requirement] =
        registrationRequirements + verdictRequirements + concurrencyRequirements

    /// Checks every requirement, for hosts that do not test with Swift Testing.
    ///
    /// - Parameter makeStore: Makes a new, empty store.
    /// - Throws: ``ConformanceFailure`` for the first promise that is broken, or what `makeStore` throws.
    public static func checkAll(_ makeStore: () async throws -> any CredentialStore) async throws {
        for requirement in requirements {
            try await requirement.check(makeStore())
        }
    }
}
