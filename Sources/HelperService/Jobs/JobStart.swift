import CHelperService
import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// A child on its way to the job, and everything that has to be undone when it does not get there.
struct JobStart {
    let launch: TrampolineStart
    let job: JobProcess
    /// The plan of the trampoline, for the text of errors.
    let steps: [ChildOperation]
    /// Where the job can be taken over when its daemon is gone.
    let adoption: AdoptionSocket?
    /// Tells of the ends of children, where those of the job who lose their parent become some of this process.
    let orphans: OwnedDescriptor?

    /// How long a child that was killed may take to go before the failure is reported without it.
    private static let reapingTime = Duration.seconds(1)

    init(
        _ context: HelperContext,
        _ owner: Monitor.Client,
        _ admitted: Admission.Admitted,
        _ descriptors: [OwnedDescriptor],
        keepingKeyring keepsKeyring: Bool = false,
        in group: ControlGroup?
    ) throws(JobSession.Denial) {
        let order = admitted.order
        // The one word that says yes, looked at where it counts.
        guard admitted.permit.decision.isPermitted, admitted.permit.credentials == order.credentials else {
            let message = "two looks at the policy had two results; nothing was run"
            throw .refused(Refusal(reason: "account-not-permitted", message: message), detail: message)
        }
        if order.endsWithDaemon {
            adoption = nil
        } else {
            adoption = context.adoptionDirectory.flatMap { Self.adoptionSocket(in: $0, for: owner.userID, context.log) }
        }
        let ends: (standard: [OwnedDescriptor], extra: [OwnedDescriptor])
        do throws(JobSession.Denial) {
            ends = try Self.places(of: descriptors)
        } catch {
            adoption?.close()
            throw error
        }
        var plan = Self.plan(of: admitted, descriptors, owner)
        plan.joinsSessionKeyring = !keepsKeyring
        let helper = DaemonFacts.current()
        // A module of PAM may have taken the right to empty it since the order was looked at.
        let (empties, gainsNothing) = (order.emptiesBoundingSet, order.noNewPrivileges)
        guard !helper.wouldKeepBoundingSet(emptiesBoundingSet: empties, noNewPrivileges: gainsNothing) else {
            adoption?.close()
            let refusal = OrderCheck.boundingSetKept
            throw .refused(refusal, detail: refusal.message)
        }
        steps = plan.isolated(as: order.credentials, from: helper)
        let encoded: EncodedPlan
        do throws(PlanTooLarge) {
            encoded = try EncodedPlan(steps, kind: .isolated)
        } catch {
            adoption?.close()
            throw .failed(
                FailureReport(
                    code: .invalidOrder,
                    step: LAUNCH_STEP_PREPARE.rawValue,
                    errno: 0,
                    operationText: error.message
                )
            )
        }
        // Before there is anybody who could lose his parent.
        orphans = group == nil ? Self.adoptOrphans(context.log) : nil
        do throws(TrampolineStart.Failure) {
            launch = try TrampolineStart(
                context.trampoline,
                encoded,
                extraDescriptors: ends.extra.map(\.rawValue),
                placement: { ChildPlan.placement(of: ends.standard.map(\.rawValue), keeping: $0) },
                arguments: ArgumentVector(bytes: order.arguments),
                environment: ArgumentVector(bytes: order.environment),
                into: group
            )
        } catch {
            adoption?.close()
            throw .failed(
                FailureReport(
                    code: .stepFailed,
                    step: error.step.rawValue,
                    errno: error.errno.rawValue,
                    operationText: StepFailureText.describeInDaemon(error.errno)
                )
            )
        }
        // A file system of the daemon's may take its time over a close, and the job is not to wait for that.
        let unneeded = (descriptors + ends.extra).compactMap { $0.take()?.rawValue }
        unsafe unneeded.withUnsafeBufferPointer { _ = unsafe launch_close_aside($0.baseAddress, Int32($0.count)) }
        job = JobProcess(
            launch.child,
            as: order.credentials.userID,
            in: group,
            adopting: orphans == nil ? nil : OrphanAdoption(by: getpid())
        )
    }

    /// Has whoever of a job without a cgroup loses his parent become a child of this process; `nil`, with a word in the log, where
    /// that cannot be.
    private static func adoptOrphans(_ log: HelperLog) -> OwnedDescriptor? {
        let reason: String
        if ProcFile.showsOwnNamespace {
            let result = helper_adopt_orphans(OwnedDescriptor.lowest)
            guard result < 0 else { return OwnedDescriptor(result) }
            reason =
                -result == EBUSY
                ? "a module of PAM or of the name service has left a process or a thread, and what that leaves could not be told from "
                    + "what the job leaves"
                : "\(Errno(rawValue: -result))"
        } else {
            reason = "/proc does not show the processes of the helper's own pid namespace"
        }
        log.write(
            .notice,
            "what leaves the session of a job and loses its parent is not ended with it: \(reason); set control-groups, so that jobs "
                + "have cgroups"
        )
        return nil
    }

    /// Where the job can be taken over; `nil`, with a word in the log, where no socket can be made.
    private static func adoptionSocket(
        in directory: FilePath,
        for userID: UInt32,
        _ log: HelperLog
    ) -> AdoptionSocket? {
        do throws(Errno) {
            return try AdoptionSocket(in: directory, for: userID)
        } catch {
            log.write(
                .warning,
                "a job of user id \(userID) that is to outlive its daemon cannot be taken over by the next one: no socket can be "
                    + "made in \(directory): \(error)"
            )
            return nil
        }
    }

    /// The descriptors of the job, where the trampoline can have them.
    private static func places(
        of descriptors: [OwnedDescriptor]
    ) throws(JobSession.Denial) -> (standard: [OwnedDescriptor], extra: [OwnedDescriptor]) {
        let extra = Array(descriptors.dropFirst(3))
        let lowest = ChildPlan.behindExtraDescriptors(Int32(extra.count)) + 1
        do throws(Errno) {
            var moved: [OwnedDescriptor] = []
            for descriptor in extra {
                moved.append(try OwnedDescriptor(duplicating: descriptor.rawValue, lowest: lowest))
            }
            return (Array(descriptors.prefix(3)), moved)
        } catch {
            throw .failed(
                FailureReport(
                    code: .stepFailed,
                    step: LAUNCH_STEP_CREATE_PIPES.rawValue,
                    errno: error.rawValue,
                    operationText: StepFailureText.describeInDaemon(error)
                )
            )
        }
    }

    private static func plan(
        of admitted: Admission.Admitted,
        _ descriptors: [OwnedDescriptor],
        _ owner: Monitor.Client
    ) -> ChildPlan {
        let order = admitted.order
        return ChildPlan(
            executables: admitted.executables,
            workingDirectory: order.workingDirectory,
            fallbackDirectory: order.fallbackDirectory,
            streamFiles: order.streamFiles,
            errorFollowsOutput: order.errorFollowsOutput,
            niceness: Int(order.niceness),
            fileModeCreationMask: FilePermissions(rawValue: CInterop.Mode(order.fileModeCreationMask)),
            resourceLimits: order.resourceLimits,
            noNewPrivileges: order.noNewPrivileges,
            emptiesBoundingSet: order.emptiesBoundingSet,
            terminal: order.terminal == nil
                ? nil
                : OrderCheck.access(to: descriptors[0], for: order.credentials, peerGroup: owner.groupID),
            extraDescriptorCount: Int32(order.descriptorTargets.count - 3),
            parent: ChildPlan.Parent(processID: getpid(), endSignal: order.endsWithDaemon ? SIGKILL : 0)
        )
    }

    /// Ends a child that is not to run, and its cgroup.
    ///
    /// - Returns: Whether it is gone.
    @discardableResult
    func discard() -> Bool {
        adoption?.close()
        job.kill()
        let descriptor = launch.child.processDescriptor.rawValue
        let isGone = !Waiting.wait(for: [descriptor], until: .now + Self.reapingTime).isEmpty
        // The exec may have been faster, and what it has become may have forked.
        if isGone, job.tree.adoptsOrphans {
            let deadline = ContinuousClock.now + Self.reapingTime
            while job.endOrphans(but: launch.child.processID) ?? 0 > 0, ContinuousClock.now < deadline {}
        }
        var exit = launch_exit()
        if isGone { _ = unsafe launch_reap(descriptor, &exit) }
        job.tree.group?.remove()
        return isGone
    }

    /// Waits for a child that could not be ended yet: it counts as long as it is there, and so does its cgroup.
    ///
    /// - Parameter signals: What tells that the helper is to end.
    func outlast(_ signals: OwnedDescriptor) {
        let descriptor = launch.child.processDescriptor.rawValue
        guard !Waiting.wait(for: [descriptor, signals.rawValue], until: nil).contains(1) else { return }
        var exit = launch_exit()
        _ = unsafe launch_reap(descriptor, &exit)
        job.tree.group?.remove()
    }

    /// The report of a step that failed.
    func failure(of failed: launch_failure, in steps: [ChildOperation]) -> FailureReport {
        let errno = Errno(rawValue: failed.error)
        let index = Int(failed.operation)
        let operation = index < steps.count && steps[index].step.rawValue == failed.step ? steps[index] : nil
        return FailureReport(
            code: StepFailureText.kind(of: failed).code,
            step: failed.step,
            errno: failed.error,
            operationText: StepFailureText.describe(operation, errno: errno)
        )
    }

    /// The report of a launch that was given up.
    func withdrawn(_ code: FailureReport.Code, _ order: LaunchOrder, isGone: Bool) -> FailureReport {
        let rest = isGone ? "" : "; the child could not be ended yet, and ends when it goes on"
        let text =
            code == .deadlineExceeded
            ? "the program did not run within \(order.startDeadlineMilliseconds) ms; look at the file systems of the "
                + "program and of the working directory, or for processes of the account that stop others\(rest)"
            : "the launch was withdrawn before the program ran\(rest)"
        return FailureReport(code: code, step: LAUNCH_STEP_CONFIRM.rawValue, errno: 0, operationText: text)
    }

    /// The report of a child that somebody else has ended.
    var silent: FailureReport {
        FailureReport(
            code: .endedBeforeStart,
            step: LAUNCH_STEP_CONFIRM.rawValue,
            errno: 0,
            operationText:
                "the child was ended before the program ran; look for processes of the account that kill others, or "
                + "for the out-of-memory killer"
        )
    }
}

extension StepFailureText.Kind {
    var code: FailureReport.Code {
        switch self {
        case .step: .stepFailed
        case .program: .executableNotStarted
        case .verification: .verificationFailed
        case .withdrawal: .withdrawn
        }
    }
}
