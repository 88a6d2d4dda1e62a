import CHelperService
import CLaunchPlan
import CPAM
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// A session of PAM for one job, from the service file to the end of everything that the job has left.
///
/// It lives in the process that looks after the job, which stays root for it: modules that close a session need what they
/// needed to open it. Modules change limits, priorities, groups and keyrings of the process they run in; what is meant for
/// the job is put into its order, and the process gets its own back. A handle serves one session: modules add to it with
/// each, and look through all of that.
@safe
final class PAMSession {
    @unsafe let handle: OpaquePointer
    let conversation: Conversation
    let context: HelperContext
    let deadline: StepDeadline
    let service: String
    let user: String
    let account: ChildPlan.Credentials
    let parent = getppid()
    /// Spellings of the account that are known to be its own.
    var knownNames: Set<[UInt8]>
    var lastCode = PAM_SUCCESS
    var isEstablished = false
    var isOpen = false
    var isClosed = false

    init(
        _ order: LaunchOrder,
        _ session: SessionOrder,
        _ context: HelperContext,
        _ deadline: StepDeadline,
        until time: ContinuousClock.Instant
    ) throws(SessionFailure) {
        self.context = context
        self.deadline = deadline
        account = order.credentials
        let (service, user) = (
            String(decoding: session.service, as: UTF8.self), String(decoding: order.account, as: UTF8.self)
        )
        (self.service, self.user) = (service, user)
        knownNames = [order.account]
        let conversation = Conversation()
        self.conversation = conversation
        var handle: UnsafeMutableRawPointer?
        let words = Self.hanging(.start, service)
        let code = deadline.perform(within: time - .now, or: words) {
            unsafe helper_session_start(service, user, conversation.pointer, &handle)
        }
        guard code == PAM_SUCCESS, let handle = unsafe handle else {
            throw SessionFailure(
                beginningOf: service,
                code: code,
                text: "PAM cannot begin with the service",
                messages: conversation.messages
            )
        }
        unsafe self.handle = OpaquePointer(handle)
    }

    /// Opens the session of a job.
    ///
    /// - Parameters:
    ///   - order: The order, admitted.
    ///   - session: The session that it asks for.
    ///   - password: The password, where it is to be proven; it is wiped as soon as that is done.
    ///   - context: The helper.
    ///   - deadline: What ends a step that hangs.
    ///   - time: When all of it has to be done.
    /// - Returns: The session, and what it means for the job.
    /// - Throws: ``SessionFailure``; what was opened is closed then.
    static func open(
        _ order: LaunchOrder,
        _ session: SessionOrder,
        provenBy password: consuming Password?,
        _ context: HelperContext,
        _ deadline: StepDeadline,
        until time: ContinuousClock.Instant
    ) throws(SessionFailure) -> (session: PAMSession, effects: SessionEffects) {
        let (opened, before) = try start(order, session, context, deadline, until: time)
        do throws(SessionFailure) {
            try opened.admit(password, until: time)
            return (opened, try opened.open(since: before, until: time))
        } catch {
            opened.giveUp(error, before)
            throw error
        }
    }

    /// Lets PAM look at the account of a job that joins a session which is open already.
    ///
    /// The job's own password and what has become of the account meanwhile count, on a handle of its own.
    ///
    /// - Parameters:
    ///   - order: The order, admitted.
    ///   - session: The session that it asks for.
    ///   - password: The password, where it is to be proven; it is wiped as soon as that is done.
    ///   - context: The helper.
    ///   - deadline: What ends a step that hangs.
    ///   - time: When all of it has to be done.
    /// - Throws: ``SessionFailure`` when the account may not come in.
    static func check(
        _ order: LaunchOrder,
        _ session: SessionOrder,
        provenBy password: consuming Password?,
        _ context: HelperContext,
        _ deadline: StepDeadline,
        until time: ContinuousClock.Instant
    ) throws(SessionFailure) {
        let (started, before) = try start(order, session, context, deadline, until: time)
        do throws(SessionFailure) {
            try started.admit(password, until: time)
            guard !deadline.isInterrupted else {
                throw started.failure(.account, PAM_SYSTEM_ERR, isWithdrawn: true)
            }
        } catch {
            started.giveUp(error, before)
            throw error
        }
        started.leave(before)
        started.close(saying: hanging(.account, started.service), deadline, within: failedTime)
    }

    private static func start(
        _ order: LaunchOrder,
        _ session: SessionOrder,
        _ context: HelperContext,
        _ deadline: StepDeadline,
        until time: ContinuousClock.Instant
    ) throws(SessionFailure) -> (session: PAMSession, before: ProcessTraits) {
        let before = ProcessTraits.current()
        // Modules look into it, and what the helper was started with is not the account's.
        helper_environment_replace()
        helper_signals_keep()
        // What a module makes of the job's own mask is told apart from that, and not from the one of this process.
        umask(mode_t(ProcessTraits.mask(during: order)))
        do throws(SessionFailure) {
            return (try PAMSession(order, session, context, deadline, until: time), before)
        } catch {
            before.restore()
            throw error
        }
    }

    /// Whether the account may come in at all, and has the password that it needs.
    private func admit(
        _ password: consuming Password?,
        until time: ContinuousClock.Instant
    ) throws(SessionFailure) {
        try authenticate(password, until: time)
        try perform(.account, until: time) { unsafe pam_acct_mgmt(handle, 0) }
        try checkUser(until: time)
    }

    private func giveUp(_ failure: SessionFailure, _ before: ProcessTraits) {
        leave(before)
        // The daemon waits for this answer, whatever modules make of the end.
        close(saying: .failed(failure.report), deadline, within: Self.failedTime)
    }

    private func authenticate(
        _ password: consuming Password?,
        until time: ContinuousClock.Instant
    ) throws(SessionFailure) {
        switch consume password {
        case .none: return
        case .some(let password):
            let text = unsafe password.text
            let conversation = conversation
            try perform(.authenticate, until: time) {
                unsafe conversation.answering(text) {
                    unsafe pam_authenticate(handle, Int32(bitPattern: UInt32(PAM_DISALLOW_NULL_AUTHTOK)))
                }
            }
            try checkUser(until: time)
        }
    }

    private func open(
        since before: ProcessTraits,
        until time: ContinuousClock.Instant
    ) throws(SessionFailure) -> SessionEffects {
        // Modules add groups to those there are, and tickets belong to whoever has them.
        guard unsafe helper_groups_set(account.groupID, account.groups, Int32(account.groups.count)) == 0 else {
            throw failure(.credentials, PAM_SYSTEM_ERR, "the groups of the account cannot be set")
        }
        try perform(.credentials, until: time) {
            unsafe pam_setcred(handle, Int32(bitPattern: UInt32(PAM_ESTABLISH_CRED)))
        }
        isEstablished = true
        let added = try addedGroups()
        let reserve = reserve(since: before, added)
        let failure = try openSession(until: time, or: reserve)
        // Whoever would have to be looked up now could stand still with an open session.
        try checkUser(until: nil)
        var effects = effects(since: before, added)
        leave(before, from: effects.after)
        if let failure, let reserve { effects = try forgo(failure, reserve, after: effects.after) }
        let permitted = context.policy.executables == nil ? nil : context.policy.environment
        if effects.hasTooManyVariables(whereRestricted: permitted) {
            context.log.write(
                .warning,
                "modules of the PAM service \(service) have set more variables of the session of \(user) than a job is given (256 of "
                    + "them, 64 KiB together); the rest is left out"
            )
        }
        return effects
    }

    /// Takes this process back from the account.
    private func leave(_ before: ProcessTraits, from after: ProcessTraits? = nil) {
        before.restore(from: after)
        guard unsafe helper_groups_set(context.groupID, [], 0) == 0 else {
            context.log.write(.error, "the groups of an account cannot be given up again; nothing was launched")
            _exit(70)
        }
        settle()
    }

    /// What is left of a session that failed may take this long for each step: the daemon waits.
    private static let failedTime = Duration.seconds(1)

    func addedGroups() throws(SessionFailure) -> [UInt32] {
        // Nobody else changes them between the two calls.
        var groups = [UInt32](repeating: 0, count: Int(max(0, helper_groups_get(nil, 0))))
        let count = unsafe helper_groups_get(&groups, Int32(groups.count))
        guard count == groups.count else {
            throw failure(.credentials, PAM_SYSTEM_ERR, "the groups of the session cannot be read")
        }
        let known = Set(account.groups + [account.groupID])
        return Set(groups).subtracting(known).sorted()
    }
}
