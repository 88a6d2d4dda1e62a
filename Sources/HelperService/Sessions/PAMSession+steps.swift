import CHelperService
import CLaunchPlan
import CPAM
import Glibc
import LaunchPlan
import LaunchProtocol

extension PAMSession {
    /// Performs one step of PAM.
    ///
    /// - Parameters:
    ///   - stage: Which one.
    ///   - time: When it has to be done.
    ///   - step: The step.
    /// - Throws: ``SessionFailure`` when PAM does not say yes.
    func perform(
        _ stage: SessionFailure.Stage,
        until time: ContinuousClock.Instant,
        _ step: () -> Int32
    ) throws(SessionFailure) {
        let isItself = try attempt(stage, until: time, step)
        guard lastCode == PAM_SUCCESS else { throw failure(stage, lastCode) }
        guard isItself else { throw leftAsAnother(stage) }
    }

    func leftAsAnother(_ stage: SessionFailure.Stage) -> SessionFailure {
        failure(stage, PAM_SYSTEM_ERR, "a module has left the process of the session as another user")
    }

    /// Performs one step of PAM, whose answer is ``lastCode``.
    ///
    /// - Returns: Whether no module has left the process as somebody else.
    /// - Throws: ``SessionFailure`` when nobody wants the step any more; it was not performed then.
    func attempt(
        _ stage: SessionFailure.Stage,
        until time: ContinuousClock.Instant,
        _ step: () -> Int32
    ) throws(SessionFailure) -> Bool {
        guard !deadline.isInterrupted else { throw failure(stage, PAM_SYSTEM_ERR, isWithdrawn: true) }
        lastCode = deadline.perform(within: time - .now, or: Self.hanging(stage, service), step)
        return settle()
    }

    /// Gives this process back what a change of ids, which some modules make for a moment, has taken from it.
    ///
    /// - Returns: Whether no module has left it as somebody else.
    @discardableResult
    func settle() -> Bool {
        helper_signals_give_back()
        let isItself = helper_is_itself(context.userID) == 1
        guard isItself || helper_become_itself(context.userID) == 0, helper_protect() == 0 else {
            context.log.write(.error, "a module of the PAM service \(service) has left the process as somebody else")
            _exit(70)
        }
        // As if it had been told: there is a session to close.
        if helper_hear_of_parent(parent) != 0 { kill(getpid(), SIGTERM) }
        return isItself
    }

    func failure(_ stage: SessionFailure.Stage, _ code: Int32, _ text: String? = nil, isWithdrawn: Bool = false)
        -> SessionFailure
    {
        let known = unsafe pam_strerror(handle, code).map { unsafe String(cString: $0) } ?? "PAM code \(code)"
        return SessionFailure(
            stage: stage,
            code: code,
            text: text ?? known,
            messages: conversation.messages,
            service: service,
            wasAskedMore: conversation.wasAskedMore,
            hasSeenPassword: conversation.hasAnswered,
            delay: conversation.delay,
            isWithdrawn: isWithdrawn
        )
    }

    /// What the daemon is told of a step that does not end.
    static func hanging(_ stage: SessionFailure.Stage, _ service: String) -> HelperMessage {
        .failed(
            FailureReport(
                code: .deadlineExceeded,
                step: stage.step.rawValue,
                errno: 0,
                operationText:
                    "a module of the PAM service \(service) did not answer in time; look at the directory that it asks, "
                    + "and at what /etc/pam.d/\(service) names"
            )
        )
    }

    /// Sees to it that no module has made somebody else of the account.
    ///
    /// Some write its name as they spell it (`pam_winbind`), which has to be a name of the same user id.
    ///
    /// - Parameter time: When a spelling has to have been looked up; `nil` takes only those that were.
    /// - Throws: ``SessionFailure`` when it is somebody else.
    func checkUser(until time: ContinuousClock.Instant?) throws(SessionFailure) {
        var item: UnsafeRawPointer?
        guard unsafe pam_get_item(handle, PAM_USER, &item) == PAM_SUCCESS, let item = unsafe item else {
            throw failure(.account, PAM_USER_UNKNOWN, "a module has taken the name of the account away")
        }
        let name = unsafe String(cString: item.assumingMemoryBound(to: CChar.self))
        guard !knownNames.contains(Array(name.utf8)) else { return }
        // A frame has room for a text, and not for any.
        let shown = String(decoding: name.utf8.prefix(256), as: UTF8.self)
        let other = "a module has made \(shown.quoted) of \(user.quoted), which is not the same account"
        guard let time else { throw failure(.account, PAM_PERM_DENIED, other) }
        var found = unsafe helper_account()
        // Without its groups, for which a directory would be asked also where the local files have the name.
        let result = deadline.perform(within: time - .now, or: Admission.unanswered) {
            unsafe helper_account_find(name, &found)
        }
        defer { unsafe helper_account_free(&found) }
        guard unsafe result == 0 && found.user == account.userID && found.group == account.groupID else {
            throw failure(.account, PAM_PERM_DENIED, other)
        }
        knownNames.insert(Array(name.utf8))
    }

    /// Every variable that modules have set (`pam_getenvlist(3)`).
    var variables: [[UInt8]] {
        guard let list = unsafe pam_getenvlist(handle) else { return [] }
        defer { unsafe free(list) }
        var variables: [[UInt8]] = []
        var next = unsafe list
        while let text = unsafe next.pointee {
            defer { unsafe free(text) }
            unsafe next += 1
            variables.append(unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text))))
        }
        return variables
    }
}
