import CHelperService
import CPAM
import LaunchPlan
import LaunchProtocol

extension PAMSession {
    /// What a job has without a session, where the policy lets it run so: what its credentials have given it.
    struct Reserve {
        let effects: SessionEffects

        /// Where this process was: nobody can take that back from a module.
        let surroundings: Surroundings
    }

    /// What the job would have if the session could not be opened; `nil` where it would not run then.
    func reserve(since before: ProcessTraits, _ addedGroups: [UInt32]) -> Reserve? {
        guard context.policy.startsWithoutSession.isPermitted, let surroundings = Surroundings.current() else {
            return nil
        }
        return Reserve(effects: effects(since: before, addedGroups), surroundings: surroundings)
    }

    /// Opens the session itself.
    ///
    /// - Parameters:
    ///   - time: When it has to be done.
    ///   - reserve: What the job has otherwise, where it may run without.
    /// - Returns: Why there is no session, only where the job may run without; `nil` where there is one.
    /// - Throws: ``SessionFailure`` when there is none.
    func openSession(until time: ContinuousClock.Instant, or reserve: Reserve?) throws(SessionFailure)
        -> SessionFailure?
    {
        let isItself = try attempt(.open, until: time) { unsafe pam_open_session(handle, 0) }
        guard lastCode != PAM_SUCCESS else {
            isOpen = true
            guard isItself else { throw leftAsAnother(.open) }
            return nil
        }
        let failure = failure(.open, lastCode)
        // With a handle in these states no credentials can be deleted any more.
        guard lastCode != PAM_INCOMPLETE, lastCode != PAM_ABORT else { throw failure }
        guard isItself, let reserve, Surroundings.current() == reserve.surroundings else { throw failure }
        return failure
    }

    /// Lets the job run without the session that could not be opened; this process has its own back already.
    ///
    /// - Parameters:
    ///   - failure: Why there is none.
    ///   - reserve: What the job has.
    ///   - opened: What the modules had made of this process when they failed.
    /// - Returns: What that means for the job.
    /// - Throws: ``SessionFailure`` when not everything can be taken back.
    func forgo(_ failure: SessionFailure, _ reserve: Reserve, after opened: ProcessTraits) throws(SessionFailure)
        -> SessionEffects
    {
        var effects = reserve.effects
        // The one before cannot be joined again: it has no name.
        if !opened.hasSameKeyring(as: effects.after) {
            guard !effects.keepsKeyring, helper_keyring_leave() == 0 else { throw failure }
        }
        let words = "the job goes on without its session, as pam-session-failure of the policy has it"
        // Two lines of the log, since each is cut off at its end.
        for line in [failure.report.operationText, words] {
            context.log.write(.warning, "job as \(user.prefix(64)): \(line)")
        }
        effects.messages = ["\(failure.report.operationText); \(words)"] + conversation.messages
        // The end of the handle is that of one whose credentials were established.
        lastCode = PAM_SUCCESS
        return effects
    }

    /// What steps have made of this process so far, and of the handle.
    func effects(since before: ProcessTraits, _ addedGroups: [UInt32]) -> SessionEffects {
        SessionEffects(
            before: before,
            after: .current(),
            addedGroups: addedGroups,
            variables: variables,
            messages: conversation.messages
        )
    }
}
