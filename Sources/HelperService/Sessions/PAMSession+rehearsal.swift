import CHelperService
import CPAM
import Glibc
import LaunchPlan
import LaunchProtocol

extension PAMSession {
    /// Nobody waits for it, and whoever ends a step ends the process.
    private static let rehearsalTime = Duration.seconds(86_400)

    /// Goes once through what a session means for this side, without a step of PAM: no module is asked for anything.
    ///
    /// - Parameters:
    ///   - order: An order.
    ///   - session: The session that it asks for.
    ///   - context: The helper.
    static func rehearse(_ order: LaunchOrder, _ session: SessionOrder, _ context: HelperContext) {
        defer { helper_deadline_forget() }
        let before = ProcessTraits.current()
        let deadline = StepDeadline(nil, 0, signals: OwnedDescriptor(-1))
        let rehearsed: PAMSession
        do throws(SessionFailure) {
            rehearsed = try PAMSession(order, session, context, deadline, until: .now + rehearsalTime)
        } catch {
            return
        }
        try? rehearsed.checkUser(until: nil)
        let effects = SessionEffects(
            before: before,
            after: .current(),
            addedGroups: (try? rehearsed.addedGroups()) ?? [],
            variables: rehearsed.variables + order.environment,
            messages: rehearsed.conversation.messages
        )
        _ = effects.applied(to: order, whereRestricted: context.policy.environment)
        _ = effects.report(isShared: false)
        _ = rehearsed.failure(.open, PAM_SESSION_ERR).report
        // The end of a handle that was used for nothing is a failed attempt to Linux's audit (op=PAM:bad_ident).
        rehearsed.isClosed = true
    }
}
