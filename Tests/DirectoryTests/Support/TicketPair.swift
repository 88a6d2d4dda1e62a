import Impersonation
import Testing

/// Two jobs of one account, each in a session of its own that brings a ticket; the second one ends while the first one runs.
struct TicketPair {
    /// How the first one has ended, which has looked for its ticket after the end of the other one.
    let lasting: ExitReport

    /// What each has found in `KRB5CCNAME`.
    let caches: (lasting: String, passing: String)

    /// Runs them.
    ///
    /// - Parameters:
    ///   - account: Whom they run as.
    ///   - module: The module of PAM that brings the tickets.
    ///   - meanwhile: What is done in the middle, with the helper and what follows `impersonation-` in the name of the service.
    /// - Throws: What keeps them from running.
    init(
        of account: String,
        by module: String,
        meanwhile: (SessionHelper, _ service: String) async throws -> Void = { _, _ in }
    ) async throws {
        let service = try OwnService(
            "auth required \(module)",
            "account required \(module)",
            "session required \(module)"
        )
        let helper = try await SessionHelper(service)
        let identity = try #require(try await Site().resolve(account).identity)
        let launcher = try await helper.launcher(service.suffix, rightPassword, for: identity.account.name)
        let script = #"while [ ! -e \#(service.place("gate")) ]; do sleep 0.01; done; echo "$KRB5CCNAME"; klist -s"#
        let job = try await launcher.launch(SessionHelper.command(script), as: identity)
        let (passing, _) = try await helper.run(#"echo "$KRB5CCNAME""#, as: account, service.suffix, rightPassword)
        try await meanwhile(helper, service.suffix)
        try service.make("gate")
        lasting = try await job.exitReport()
        caches = (lasting.standardOutput?.text ?? "", passing)
    }
}
