import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// Everything that has to be right before a child is made: the account, the policy, the order itself, its programs.
///
/// Policy first, with the numbers that the daemon gives: what differs between those and the account's own would tell
/// that the account exists.
struct Admission {
    /// An order that may be launched.
    struct Admitted {
        let order: LaunchOrder
        let executables: [FilePath]
        let permit: PolicyPermit
        /// The groups of the account, as the helper has looked them up.
        let accountGroups: [UInt32]
    }

    private let context: HelperContext
    private let peer: Monitor.Client

    /// What the helper itself has.
    private let helper: DaemonFacts
    private let niceness: Int32

    /// Prepares.
    ///
    /// - Parameters:
    ///   - context: The helper.
    ///   - peer: The daemon.
    ///   - session: The session that this process has been forked into, if it has.
    init(_ context: HelperContext, _ peer: Monitor.Client, in session: KeptSession? = nil) {
        self.context = context
        self.peer = peer
        var helper = DaemonFacts.current()
        // A hard limit that modules have lowered, and a priority, are the session's, and no more the helper's own: without the
        // capabilities for it this process could not take its own back.
        if let session { helper.limits = session.effects.before.limits }
        niceness =
            session?.effects.before.niceness ?? getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)
        self.helper = helper
    }

    /// Looks the account of an order up.
    ///
    /// One that is not local blocks for as long as its directory likes.
    ///
    /// - Parameters:
    ///   - order: The order.
    ///   - deadline: When the job has to run.
    /// - Returns: The account.
    /// - Throws: When there is none, or nobody can tell.
    func account(
        of order: LaunchOrder,
        by deadline: ContinuousClock.Instant
    ) throws(JobSession.Denial) -> AccountCheck {
        let policy = context.policy
        do throws(AccountCheck.Mismatch) {
            return try AccountCheck(of: order, context.groupServices, by: deadline) { user, groups in
                policy.otherGroupsMatter(than: groups, of: user)
            }
        } catch {
            throw denial(of: error, order)
        }
    }

    func admit(
        _ order: LaunchOrder,
        _ account: AccountCheck,
        _ descriptors: [OwnedDescriptor]
    ) throws(JobSession.Denial) -> Admitted {
        let difference = account.difference(from: order.credentials)
        let permit: PolicyPermit
        switch context.policy.verdict(on: request(order, groups: account.groups)) {
        case .permitted(let permitted): permit = permitted
        case .refused(let refusal): throw denial(refusal)
        }
        if let difference {
            throw .refused(
                Refusal(
                    reason: "account-differs",
                    message:
                        "the account is not what the daemon takes it for: \(difference); look at the name service of "
                        + "both, or let the daemon forget what it remembers"
                ),
                detail: difference
            )
        }
        try Self.refusePeer(context.policy.permits(peer: account.userID, groups: account.groups))
        // A job of the helper's own account could signal the helper.
        guard order.credentials.userID != context.userID else {
            let message = "the account is the helper's own, which runs no job; give the helper one of its own"
            throw .refused(Refusal(reason: "account-of-the-helper", message: message), detail: message)
        }
        let check = OrderCheck(helper: helper, niceness: niceness)
        let refusal = check.refusal(
            of: order,
            with: descriptors,
            from: peer.userID,
            account,
            whereRestricted: permit.executables == nil ? nil : context.policy.environment
        )
        if let refusal { throw .refused(refusal, detail: refusal.message) }
        return Admitted(
            order: order,
            executables: try programs(of: order, permit),
            permit: permit,
            accountGroups: account.groups
        )
    }

    /// Asks the policy again for an order that a session has changed.
    ///
    /// What modules add is root's word, and so is the policy, which may deny a group whatever it comes from.
    ///
    /// - Parameters:
    ///   - admitted: What was admitted before.
    ///   - changed: The order as it is now.
    /// - Returns: What may be launched.
    /// - Throws: When the policy does not permit what it has become.
    func readmit(_ admitted: Admitted, _ changed: LaunchOrder) throws(JobSession.Denial) -> Admitted {
        let added = changed.credentials.groups
        let request = request(changed, groups: admitted.accountGroups + added)
        try Self.refusePeer(context.policy.permits(peer: changed.credentials.userID, groups: request.accountGroups))
        switch context.policy.verdict(on: request) {
        case .permitted(let permit):
            return Admitted(
                order: changed,
                executables: admitted.executables,
                permit: permit,
                accountGroups: admitted.accountGroups
            )
        case .refused(let refusal): throw denial(refusal)
        }
    }

    /// Whoever runs as a peer is one, and could ask for every account of the policy himself.
    ///
    /// - Parameter decision: Whether the account would be served; nothing but the one word that forbids it will do.
    /// - Throws: Unless it is forbidden.
    static func refusePeer(_ decision: PolicyDecision) throws(JobSession.Denial) {
        guard decision.isForbidden else { throw isPeer }
    }

    private static let isPeer: JobSession.Denial = {
        let message =
            "the account is itself a peer of the helper, so its job could launch others; give daemons accounts of their own"
        return .refused(Refusal(reason: "account-is-a-peer", message: message), detail: message)
    }()

    private func request(_ order: LaunchOrder, groups: [UInt32]) -> PolicyRequest {
        PolicyRequest(
            account: order.account,
            credentials: order.credentials,
            accountGroups: groups,
            executables: order.executables,
            wantsNewPrivileges: !order.noNewPrivileges,
            wantsInheritedBoundingSet: !order.emptiesBoundingSet,
            outlivesDaemon: !order.endsWithDaemon,
            startDeadline: .milliseconds(Int(order.startDeadlineMilliseconds)),
            service: order.session?.service,
            authenticates: order.session?.authenticates ?? false,
            sharesSession: order.session?.isShared ?? false
        )
    }

    private func programs(
        of order: LaunchOrder,
        _ permit: PolicyPermit
    ) throws(JobSession.Denial) -> [FilePath] {
        guard let check = permit.executables else { return order.executables }
        switch check.verdict(on: order.executables) {
        case .permitted(let executables): return executables.map(\.path)
        case .refused(let refusal): throw denial(refusal)
        }
    }

    private func denial(_ refusal: PolicyRefusal) -> JobSession.Denial {
        .refused(Refusal(reason: refusal.code.rawValue, message: refusal.message), detail: refusal.detail)
    }

    private func denial(of mismatch: AccountCheck.Mismatch, _ order: LaunchOrder) -> JobSession.Denial {
        switch mismatch {
        case .none: return denial(context.policy.refusal(ofUnknownAccount: order.account))
        case .otherSpelling(let name):
            return .refused(
                Refusal(
                    reason: context.policy.refusal(ofUnknownAccount: order.account).code.rawValue,
                    message: context.policy.refusal(ofUnknownAccount: order.account).message
                ),
                detail: "the name service spells the account \(name)"
            )
        case .unavailable(let errno):
            return .failed(
                Self.undecided(
                    "the name service does not answer (\(errno)), so nobody knows whether the account is the one that is meant; try "
                        + "again, and look at the services of nsswitch.conf on this host",
                    errno
                )
            )
        case .namesake(let group):
            let message =
                "it is a local account, and the name service gives it groups of an account of the domain that has the same short "
                + "name, gid \(group) for example; rename one of the two, or have winbind answer with the domain in the name"
            return .refused(Refusal(reason: "account-differs", message: message), detail: message)
        case .groupsUnknown:
            return .failed(
                Self.undecided(
                    "a service of nsswitch.conf that may know more groups of the account does not answer, so nobody can tell whether "
                        + "the policy permits the job; see which one hangs on this host, then try again",
                    .timedOut
                )
            )
        }
    }

    /// What a daemon is told whose account is not found in time: by the one who says so the lookup is ended as well.
    static let unanswered = HelperMessage.failed(
        undecided(
            "the name service of the helper's machine does not answer in time, so nobody knows whether the account is the one that "
                + "is meant; see which service of nsswitch.conf hangs there, then try again",
            .timedOut
        )
    )

    private static func undecided(_ message: String, _ errno: Errno) -> FailureReport {
        FailureReport(
            code: .directoryUnavailable,
            step: LAUNCH_STEP_PREPARE.rawValue,
            errno: errno.rawValue,
            operationText: message
        )
    }
}
