/// Decides as whom a job runs.
///
/// A host may bring its own resolver. It makes identities only through ``AccountRules``, so whatever it decides, the
/// account has passed the rules.
public protocol ExecutionIdentityResolver: Sendable {
    /// Decides as whom a job runs, without running anything.
    ///
    /// Every call decides anew: a grant that ended since the last call no longer counts.
    ///
    /// - Parameter request: Who asks, and as whom.
    /// - Returns: The identity, a denial or a badlogin, each with every rule that had a say.
    /// - Throws: ``ResolutionError`` when nothing could be decided. Nothing may run then.
    func resolve(_ request: ExecutionRequest) async throws(ResolutionError) -> Resolution
}
