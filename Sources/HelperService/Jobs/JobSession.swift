import CHelperService
import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// One job of one daemon: from the order to the end.
final class JobSession {
    let context: HelperContext
    /// The word of this process in the table.
    let slot: Int
    let signals: OwnedDescriptor
    let sequence: UInt64
    var client: Monitor.Client?

    /// Who the job belongs to, whoever speaks for him later.
    let owner: Monitor.Client

    /// The session of other jobs that this process has, and the job is to have.
    let kept: KeptSession?

    init(
        _ context: HelperContext,
        _ client: Monitor.Client,
        slot: Int,
        signals: OwnedDescriptor,
        sequence: UInt64,
        in kept: KeptSession? = nil
    ) {
        self.kept = kept
        isForked = kept != nil
        self.context = context
        self.client = client
        self.slot = slot
        self.signals = signals
        self.sequence = sequence
        owner = client
    }

    /// What was to end and has not yet.
    private var unfinished: JobStart?

    /// The session of PAM that the job has, and no other one.
    var session: PAMSession?

    /// The place of a session that this process is to open for other jobs as well.
    var place: Int?

    /// Until when this process waits for the sessions of others, and no longer.
    var patience = ContinuousClock.now

    /// Where this process was before it opened a session for others.
    var surroundings: Surroundings?

    /// Whether the process that keeps the session has forked this one for the job.
    var isForked = false
    /// Whether this process was told to end, and has heard it before there was a job to be ended for that.
    private(set) var isToldToStop = false
    private var sessionReport: SessionReport?

    /// How long whoever failed is to wait before the next try.
    private var failureDelay = Duration.zero
    private static let longestFailureDelay = Duration.seconds(5)

    /// Why nothing is launched.
    enum Denial: Error {
        /// For the daemon, and in full for the log.
        case refused(Refusal, detail: String)
        case failed(FailureReport)
    }

    /// Launches the job and stays with it until its end, or refuses.
    ///
    /// - Parameters:
    ///   - order: What is wanted.
    ///   - descriptors: What came with it.
    ///   - timeLeft: What is left of the time that it has, where another process has taken the order.
    func run(_ order: LaunchOrder, _ descriptors: [OwnedDescriptor], within timeLeft: Duration? = nil) {
        let begin = ContinuousClock.now
        // The policy refuses a longer time, but only when it is asked.
        let whole = Duration.milliseconds(Int(order.startDeadlineMilliseconds))
        let time = min(timeLeft ?? whole, whole, context.policy.maximumStartTime)
        let deadline = begin + time
        patience = begin + time / 2
        if handOver(order, descriptors, by: deadline) { return }
        // What modules have registered for the end of their process is not for this one.
        defer { if isForked { _exit(0) } }
        // Whatever becomes of the job; after all that it has left, where that can be found.
        defer {
            session?.close(saying: nil, StepDeadline(nil, sequence, signals: signals))
            if let place { context.sessions?.free(place) }
        }
        do throws(Denial) {
            guard let started = try start(order, descriptors, by: deadline) else { return }
            defer { started.adoption?.close() }
            let report = try confirm(started, order, by: deadline, since: begin)
            RunningJob(self, started, order, report).supervise()
        } catch {
            // Nobody is to wait for a session that is not opened, nor for what whoever fails is made to wait.
            leavePlace()
            switch error {
            case .refused(let refusal, let detail):
                context.log.write(.warning, "\(subject(order)): refused (\(refusal.reason)): \(detail)")
                client?.tell(.refused(refusal), sequence)
            case .failed(var report):
                if report.code == .withdrawn, isStopping {
                    report.operationText = "\(Self.stopping): \(report.operationText)"
                }
                context.log.write(.notice, "\(subject(order)): not started: \(report.operationText)")
                client?.tell(.failed(report), sequence)
                // This place counts as taken meanwhile, so whoever guesses passwords has as many tries as the policy has jobs.
                _ = Waiting.wait(for: [signals.rawValue], until: .now + min(failureDelay, Self.longestFailureDelay))
            }
            if let unfinished {
                say(.leaving(owner.userID))
                // Who was told once is not told again.
                if !isToldToStop { unfinished.outlast(signals) }
            }
        }
    }

    /// What a daemon is told whose job is not started because the helper is about to end.
    static let stopping = "the helper was told to stop; launch again once it has been started anew"

    /// Whether this process was told to end.
    private var isStopping: Bool { isToldToStop || !Waiting.wait(for: [signals.rawValue], until: .now).isEmpty }

    /// Hears whether this process is to end: whoever hears it first remembers it for the others.
    private func hearsToStop() -> Bool {
        guard helper_signals_next(signals.rawValue) != 0 else { return false }
        isToldToStop = true
        return true
    }

    /// Says what this process is doing.
    func say(_ state: MonitorTable.State) { context.table.change(slot, of: getpid(), to: state) }

    func subject(_ order: LaunchOrder) -> String {
        // A name can be long, and what is wrong with it stands behind it.
        "job of user id \(owner.userID) as \(String(decoding: order.account.prefix(64), as: UTF8.self))"
    }

    /// Starts the job.
    ///
    /// - Returns: What was started; `nil` in the process that keeps its session for others, once that is closed.
    private func start(
        _ order: LaunchOrder,
        _ descriptors: [OwnedDescriptor],
        by deadline: ContinuousClock.Instant
    ) throws(Denial) -> JobStart? {
        // A name service or a file system that does not answer would keep this process for good. Nothing is there yet
        // that it could leave behind.
        let look = StepDeadline(client, sequence, signals: signals)
        let check = Admission(context, owner, in: kept)
        let account =
            try look.perform(within: deadline - .now, or: Admission.unanswered) {
                Result { () throws(Denial) in try check.account(of: order, by: deadline) }
            }
            .get()
        var admission =
            try look.perform(within: deadline - .now, or: Self.unanswered) {
                Result { () throws(Denial) in try check.admit(order, account, descriptors) }
            }
            .get()
        try checkIsWanted()
        var descriptors = descriptors
        var effects: SessionEffects?
        if let wanted = order.session {
            // Nobody is to wait for a session that waits for a password.
            let canShare = waitForPassword(wanted, descriptors, by: deadline)
            // Another launch of the account may have opened one meanwhile.
            if canShare, handOver(order, descriptors, opening: true, by: deadline) { return nil }
            context.sessions?.closeChannels(but: place ?? kept?.place)
            if place != nil { surroundings = .current() }
            let pipe = wanted.authenticates ? descriptors.popLast() : nil
            let entered = try enterSession(wanted, admission, pipe, by: deadline)
            // One that could not be opened is nobody else's either.
            if session?.isOpen == false { leavePlace() }
            let permitted = admission.permit.executables == nil ? nil : context.policy.environment
            admission = try check.readmit(
                admission,
                entered.applied(to: admission.order, whereRestricted: permitted)
            )
            if let place, keep(entered, order, wanted, descriptors, at: place) { return nil }
            effects = entered
            sessionReport = entered.report(isShared: isForked)
            // The last step of PAM has perhaps waited for a directory all the time that the daemon has given up in.
            try checkIsWanted()
        }
        hearOfParent()
        let group = try makeGroup(order)
        let started: JobStart
        do throws(Denial) {
            let keepsKeyring = effects?.keepsKeyring ?? false
            started = try JobStart(context, owner, admission, descriptors, keepingKeyring: keepsKeyring, in: group)
        } catch {
            group?.remove()
            throw error
        }
        // The child has its own by now, and this process stays as long as the job.
        order.wipeStrings()
        return started
    }

    /// Opens the session of the job, or lets the job into the one that this process has.
    ///
    /// - Returns: What it means for the job.
    private func enterSession(
        _ wanted: SessionOrder,
        _ admission: Admission.Admitted,
        _ pipe: OwnedDescriptor?,
        by deadline: ContinuousClock.Instant
    ) throws(Denial) -> SessionEffects {
        var password: Password?
        do throws(Errno) {
            // What the daemon calls a pipe may be a file of a file system that does not answer.
            let look = StepDeadline(client, sequence, signals: signals)
            let problem: Errno? = look.perform(within: deadline - .now, or: Self.unanswered) {
                do throws(Errno) {
                    password = try Self.password(from: pipe, by: deadline)
                    return nil
                } catch {
                    return error
                }
            }
            if let problem { throw problem }
        } catch {
            throw .failed(
                FailureReport(
                    code: .invalidOrder,
                    step: LAUNCH_STEP_SESSION_AUTHENTICATE.rawValue,
                    errno: error.rawValue,
                    operationText:
                        "the password could not be read; send one of 1 to 511 bytes through a pipe, and close that"
                )
            )
        }
        let (order, end) = (admission.order, StepDeadline(client, sequence, signals: signals))
        // The digest has brought it here, and several keys may have one.
        if let kept, kept.key != SessionKey(order, wanted, peer: owner.userID) { throw .failed(SessionKeeper.ended) }
        do throws(SessionFailure) {
            if let kept {
                try PAMSession.check(order, wanted, provenBy: password, context, end, until: deadline)
                return kept.effects
            }
            let effects: SessionEffects
            (session, effects) = try PAMSession.open(order, wanted, provenBy: password, context, end, until: deadline)
            return effects
        } catch {
            failureDelay = error.delay
            throw .failed(error.report)
        }
    }

    /// Waits until whoever sends the password of a session to be shared has done so; it is not read yet.
    ///
    /// - Returns: Whether he has, or there is none.
    private func waitForPassword(
        _ wanted: SessionOrder,
        _ descriptors: [OwnedDescriptor],
        by deadline: ContinuousClock.Instant
    ) -> Bool {
        guard kept == nil, wanted.isShared, wanted.authenticates, let pipe = descriptors.last?.rawValue else {
            return true
        }
        let look = StepDeadline(client, sequence, signals: signals)
        return look.perform(within: deadline - .now, or: Self.unanswered) {
            var status = stat()
            // What else it may be says so when it is read.
            guard unsafe fstat(pipe, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return true }
            let descriptors = [pipe, client?.socket.descriptor.rawValue ?? -1, signals.rawValue]
            return Waiting.wait(for: descriptors, endOf: pipe, until: patience).contains(0)
        }
    }

    private static func password(
        from pipe: OwnedDescriptor?,
        by deadline: ContinuousClock.Instant
    ) throws(Errno) -> Password? {
        guard let pipe else { return nil }
        defer { pipe.closeNow() }
        let left = (deadline - .now).components
        return try Password(
            from: pipe,
            within: Int32(clamping: left.seconds * 1_000 + left.attoseconds / 1_000_000_000_000_000)
        )
    }

    private static let unanswered = HelperMessage.failed(
        FailureReport(
            code: .deadlineExceeded,
            step: LAUNCH_STEP_PREPARE.rawValue,
            errno: 0,
            operationText:
                "the programs of the job and its streams could not be looked at in time: a file system of the helper's machine does "
                + "not answer"
        )
    )

    /// Sees to it that nothing is started for a daemon that has given up, and has perhaps asked again.
    private func checkIsWanted() throws(Denial) {
        guard StepDeadline(client, sequence, signals: signals).isInterrupted else { return }
        throw .failed(
            FailureReport(
                code: .withdrawn,
                step: LAUNCH_STEP_PREPARE.rawValue,
                errno: 0,
                operationText: "the launch was withdrawn before the job was started"
            )
        )
    }

    /// Has the end of the parent tell this process instead of killing it: without a cgroup nobody else could find what the job has
    /// started, and perhaps there is a session to close.
    ///
    /// Until here that end has killed this process, or has told it already: whoever is its parent now has made it, or no longer
    /// matters.
    private func hearOfParent() {
        if helper_hear_of_parent(getppid()) != 0 { kill(getpid(), SIGTERM) }
    }

    private func makeGroup(_ order: LaunchOrder) throws(Denial) -> ControlGroup? {
        let step = LAUNCH_STEP_CREATE_CONTROL_GROUP.rawValue
        guard let parent = context.controlGroups else {
            guard order.treeLimits.isEmpty else {
                let message =
                    "the job has limits for all its processes together, and the helper gives jobs no cgroup; set "
                    + "control-groups in its policy, or leave the limits out"
                throw .failed(FailureReport(code: .notPermitted, step: step, errno: 0, operationText: message))
            }
            return nil
        }
        do throws(ControlGroupError) {
            return try parent.makeGroup(order.treeLimits, order.endsWithDaemon ? .job : .kept)
        } catch {
            let errno = error.errno?.rawValue ?? 0
            let code: FailureReport.Code = error.lacksControllers ? .notPermitted : .stepFailed
            throw .failed(FailureReport(code: code, step: step, errno: errno, operationText: error.message))
        }
    }

    /// Waits until the child has become the job.
    ///
    /// - Throws: When it has not; nothing of it is left then.
    private func confirm(
        _ started: JobStart,
        _ order: LaunchOrder,
        by deadline: ContinuousClock.Instant,
        since begin: ContinuousClock.Instant
    ) throws(Denial) -> StartedReport {
        let launch = started.launch
        if let (reported, operations) = launch.failure {
            started.discard()
            throw .failed(started.failure(of: reported, in: operations))
        }
        var withdrawal: FailureReport.Code?
        while true {
            let descriptors = [launch.status.rawValue, client?.socket.descriptor.rawValue ?? -1, signals.rawValue]
            // The child says that all is proven before its exec; only the end of the pipe comes with it.
            let waited = Waiting.wait(for: descriptors, endOf: launch.status.rawValue, until: deadline)
            if waited.contains(0) { break }
            let reason: FailureReport.Code
            if ContinuousClock.now >= deadline {
                reason = .deadlineExceeded
            } else if waited.contains(2), hearsToStop() {
                reason = .withdrawn
            } else if waited.contains(1) {
                switch client?.nextFrame(context) {
                case .some(.none): continue
                case .frame(let frame) where frame.message == .withdraw: break
                // Nothing else makes sense before the job runs.
                case .frame, .end, .reset, nil: client = nil
                }
                reason = .withdrawn
            } else {
                continue
            }
            // Past its point of no return the child stands in the exec, and is ended there.
            let isWithdrawn = launch.token.withdraw()
            if !isWithdrawn, launch.hasReported { break }
            withdrawal = reason
            break
        }
        if let withdrawal {
            let isGone = started.discard()
            if !isGone { unfinished = started }
            throw .failed(started.withdrawn(withdrawal, order, isGone: isGone))
        }
        switch launch.ending() {
        case .running(let fellBack):
            return StartedReport(
                processID: launch.child.processID,
                userID: order.credentials.userID,
                fellBack: fellBack,
                mayGainPrivileges: !order.noNewPrivileges,
                startNanoseconds: nanoseconds(since: begin),
                controlGroup: started.job.tree.group?.path,
                adoptionSocket: started.adoption?.path,
                session: sessionReport
            )
        case .failed(let reported):
            started.discard()
            throw .failed(started.failure(of: reported, in: started.steps))
        case .silent:
            started.discard()
            throw .failed(started.silent)
        }
    }

    private func nanoseconds(since begin: ContinuousClock.Instant) -> UInt64 {
        let time = (ContinuousClock.now - begin).components
        return UInt64(clamping: time.seconds * 1_000_000_000 + time.attoseconds / 1_000_000_000)
    }
}
