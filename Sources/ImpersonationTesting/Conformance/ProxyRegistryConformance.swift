public import Impersonation

/// What every `ProxyRegistry` has to do, whatever it is stored in.
///
/// Run each requirement on a registry of its own, new and empty. Dates are used to the second, so a store may round
/// them to that. The concurrent requirements run 1,000 attempts at a time on one login.
public enum ProxyRegistryConformance {
    /// A requirement on a registry.
    public typealias Requirement = ConformanceRequirement<any ProxyRegistry>

    /// Every requirement.
    public static let requirements: [Requirement] =
        grantRequirements + revocationRequirements + bindingRequirements + concurrencyRequirements

    /// Checks every requirement, for hosts that do not test with Swift Testing.
    ///
    /// - Parameter makeRegistry: Makes a new, empty registry.
    /// - Throws: ``ConformanceFailure`` for the first promise that is broken, or what `makeRegistry` throws.
    public static func checkAll(_ makeRegistry: () async throws -> any ProxyRegistry) async throws {
        for requirement in requirements {
            try await requirement.check(makeRegistry())
        }
    }
}
