import Impersonation
import SystemPackage
import Testing

/// What comes of a launch during which a service goes away when PAM has come as far as a step.
struct SessionOutage: Sendable, CustomTestStringConvertible {
    /// `authenticate`, with the right password, or `checkAccount`, where nobody proves one.
    let step: LaunchStep

    /// Whether the service takes what it is sent and does not answer, or refuses it at once.
    let isFrozen: Bool

    /// How the launch fails; `nil` where it does not.
    let error: LaunchError.Code?

    /// PAM's own code, and what it means; `nil` where PAM has not answered.
    var answer: (code: Int32, reason: SessionRefusal.Reason)?

    var testDescription: String { "\(step), \(isFrozen ? "frozen" : "stopped")" }

    /// Longer than it takes to freeze a service, on a machine that has much to do.
    private static let hangingTime = Duration.seconds(10)

    /// That this comes of a launch.
    ///
    /// - Parameters:
    ///   - service: `winbind`, `sssd` or `directory`.
    ///   - account: Whom the job runs as.
    ///   - module: The module of PAM.
    /// - Throws: What keeps it from being looked at.
    func expect(without service: String, as account: String, asking module: String) async throws {
        let stage = step == .authenticate ? "auth" : "account"
        let actions = ["record=HERE/reached", "wait=HERE/gate", "record=HERE/passed"].map { "[\(stage):\($0)]" }
        let own = try OwnService(
            "\(stage) required \(OwnService.module) \(actions.joined(separator: " "))",
            "auth required \(module)",
            "account required \(module)",
            "session required \(module)"
        )
        let helper = try await SessionHelper(own)
        let identity = try #require(try await Site().resolve(account).identity)
        let password = step == .authenticate ? rightPassword : nil
        let launcher = try await helper.launcher(own.suffix, password, for: identity.account.name)
        let hangs = error == .deadlineExceeded
        let command = SessionHelper.command("id -u", within: hangs ? Self.hangingTime : patience)
        let launch = Task { await launcher.outcome(of: command, as: identity) }
        let end = ContinuousClock.now + patience
        while !own.has("reached"), .now < end { try await Task.sleep(for: .milliseconds(5)) }
        try #require(own.has("reached"))
        try await Control.without(service, isFrozen: isFrozen) {
            try own.make("gate")
            let outcome = await launch.value
            #expect(own.has("passed"))
            #expect(outcome.failure?.code == error, "\(outcome)")
            #expect(outcome.failure?.sessionRefusal?.code == answer?.code, "\(outcome)")
            #expect(outcome.failure?.sessionRefusal?.reason == answer?.reason, "\(outcome)")
            if error != nil { #expect(outcome.failure?.step == step, "\(outcome)") }
            _ = try await outcome.success?.exitReport()
        }
    }

    /// That the helper itself finds the name service away before it asks PAM, and launches again when that is back.
    ///
    /// - Parameters:
    ///   - service: `winbind` or `sssd`.
    ///   - account: Whom the job runs as.
    ///   - name: What follows `impersonation-` in the name of the service of PAM.
    ///   - errno: What the name service says while its daemon is stopped.
    ///   - environment: The helper's.
    /// - Throws: What keeps it from being looked at.
    static func expectNoPAM(
        without service: String,
        as account: String,
        _ name: String,
        _ errno: Errno,
        environment: [String] = []
    ) async throws {
        let helper = try await SessionHelper(environment: environment)
        let identity = try #require(try await Site().resolve(account).identity)
        for password in [rightPassword, nil] {
            let launcher = try await helper.launcher(name, password, for: identity.account.name)
            for isFrozen in [true, false] {
                let command = SessionHelper.command("true", within: isFrozen ? impatience : patience)
                try await Control.without(service, isFrozen: isFrozen) {
                    let error = try #require(await launcher.outcome(of: command, as: identity).failure)
                    #expect(error.code == .directoryUnavailable, "\(error)")
                    #expect(error.step == .prepare, "\(error)")
                    #expect(error.errno == (isFrozen ? .timedOut : errno), "\(error)")
                    #expect(error.sessionRefusal == nil, "\(error)")
                }
                let again = await launcher.outcome(of: SessionHelper.command("true"), as: identity)
                #expect(again.failure == nil)
                #expect(try await again.success?.exitReport().status == .exited(0))
            }
        }
    }
}
