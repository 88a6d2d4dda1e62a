import CHelperService
import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// A job that runs, and what its daemon wants of it, until nothing of it is left that has to go.
final class RunningJob {
    private let session: JobSession
    private let start: JobStart
    private let order: LaunchOrder
    private let report: StartedReport
    private let began = ContinuousClock.now
    /// What the child had of this process until its exec, which the kernel counts as the job's (`getrusage(2)`).
    private let inheritedPeak = RunningJob.ownPeakResidentBytes()

    /// The process that has ordered the job: something else may hold its connection, the job itself for one.
    private let daemon: OwnedDescriptor?
    private var client: Monitor.Client?
    private var sequence: UInt64
    /// Whether more of them may have ended than were reaped.
    private var hasMoreOrphans = false
    /// Whether nobody waits for the end of the first process any more: a tracer may have kept it to itself.
    private var isOver = false
    /// Whether the first process was reaped, and its number is not its own any more.
    private var isReaped = false
    /// Whether what is left of the job is killed with the end of its first process.
    private var endsTree: Bool
    /// Whether no daemon has ever read that the job runs: nobody could ask for it later.
    private var isNobodys = false
    private var isAdopted = false
    /// Whether this process counts as one that only keeps an end.
    private var isRemembered = false
    private var killsAt: ContinuousClock.Instant?
    /// Whether the helper is to end.
    private var isStopping = false
    private var stopsAt = ContinuousClock.now
    private var retryDelay = Duration.milliseconds(1)
    private var heldBackSince: ContinuousClock.Instant?
    /// How many processes were left when the first one had ended, and since when they are ended.
    private var remaining = 0
    private var endingSince: ContinuousClock.Instant?

    /// How long a job may take to end by itself when the helper stops.
    private static let graceAtStop = Duration.seconds(5)
    /// How long processes that were killed may take to go; some hang in the kernel.
    private static let remainderPatience = Duration.seconds(10)
    /// How long the end of a job waits for a daemon to come and ask for it.
    private static let retention = Duration.seconds(3_600)
    private static let longestRetryDelay = Duration.seconds(1)
    /// How long orphans are reaped at once.
    private static let burialPatience = Duration.milliseconds(20)
    /// How long a tracer may keep the end of a job to itself before nobody waits for it any more.
    private static let tracerPatience = Duration.seconds(10)

    init(_ session: JobSession, _ start: JobStart, _ order: LaunchOrder, _ report: StartedReport) {
        self.session = session
        self.start = start
        self.order = order
        self.report = report
        daemon = order.endsWithDaemon ? session.owner.process : nil
        client = session.client
        sequence = session.sequence
        // Without a cgroup nobody would find later what has to end with the daemon.
        endsTree = order.endsDescendants || order.endsWithDaemon && start.job.tree.group == nil
    }

    private var job: JobProcess { start.job }
    private var orphans: OwnedDescriptor? { start.orphans }
    private var processDescriptor: OwnedDescriptor { start.launch.child.processDescriptor }

    /// Reports the start, does what the daemon asks for, and reports the end.
    func supervise() {
        // From here on the job depends on this process alone, and this process on no other.
        if !order.endsWithDaemon {
            helper_outlive_parent()
            session.say(.keeping(session.owner.userID))
        }
        if !tellStarted() { abandon() }
        session.context.log.write(.info, "\(session.subject(order)): started as process \(report.processID)")
        // Its start could not be stopped any more when this process was told to end.
        if session.isToldToStop { stop() }
        let exit = waitForEnd()
        isOver = true
        buryOrphans()
        let ending = settle(exit)
        // Whoever waits for the end of the job finds its session closed; one with something left in its cgroup has it as long as that.
        if !job.tree.hasRemainder {
            closeSession(saying: .exited(ending))
        }
        buryOrphans()
        if !isTold(ending), start.adoption != nil, !isNobodys { keep(ending) }
        start.adoption?.close()
        removeGroup()
    }

    private func closeSession(saying words: HelperMessage) {
        let deadline = StepDeadline(client, sequence, signals: session.signals)
        let leavesOrphans = orphans != nil && !endsTree
        // A module that hangs takes this process along, with all children, and one that waits for any child has those as well.
        if leavesOrphans { helper_deadline_spare_children() }
        // Whoever has it may go before he has read of its end, which is somebody else's to ask for then.
        guard leavesOrphans || start.adoption != nil && !isNobodys else {
            session.session?.close(saying: words, deadline)
            return
        }
        session.session?
            .closeAside(saying: words, deadline) {
                start.adoption?.leave()
                client?.socket.descriptor.closeNow()
            }
    }

    /// Stays until what the job has left behind on purpose is gone, or its daemon is: a group without its process counts as
    /// given up.
    private func removeGroup() {
        guard let group = job.tree.group else { return }
        // The job itself has ended; what its account has left running is not to keep others from having jobs.
        session.say(.leaving(session.owner.userID))
        var delay = Duration.milliseconds(1)
        while !group.remove() {
            if let killsAt, ContinuousClock.now >= killsAt {
                job.kill()
                // Once more later: who hangs in the kernel is there until that lets go.
                self.killsAt = .now + delay
            }
            if isStopping {
                // What outlives its daemon outlives the helper as well; the next one removes the group.
                guard order.endsWithDaemon, ContinuousClock.now < stopsAt else { return }
            }
            let descriptors = [
                session.signals.rawValue, client?.socket.descriptor.rawValue ?? -1,
                client == nil ? -1 : daemon?.rawValue ?? -1,
            ]
            let waited = Waiting.wait(for: descriptors, until: min(.now + delay, killsAt ?? .now + delay))
            if waited.contains(0) { handleSignal() }
            if waited.contains(1) { handleLateRequest() }
            if waited.contains(2) { client = nil }
            if client == nil, order.endsWithDaemon { killsAt = killsAt ?? .now }
            delay = min(delay * 2, Self.longestRetryDelay)
        }
    }

    /// What a daemon can still want when the first process has ended: signals for the others, and their end.
    private func handleLateRequest() {
        switch client?.nextFrame(session.context) {
        case .some(.none): break
        case .frame(let frame):
            switch frame.message {
            case .signal(let request) where request.target == .tree: job.send(request.signal, to: .tree)
            case .signal: break
            case .terminate(let milliseconds): terminate(.milliseconds(Int(milliseconds)))
            default: client = nil
            }
        case .end, .reset, nil: client = nil
        }
    }

    private func tellStarted() -> Bool {
        guard let client, !Waiting.isGone(client.socket.descriptor.rawValue),
            client.tell(.started(report), sequence, descriptors: [processDescriptor])
        else {
            self.client = nil
            return false
        }
        return true
    }

    /// Ends a job whose daemon was told of it and has not heard it.
    private func abandon() {
        client = nil
        isNobodys = true
        endsTree = true
        job.kill()
        session.context.log.write(
            .notice,
            "\(session.subject(order)): killed, because its daemon went before it knew that the job runs"
        )
    }

    private func daemonIsGone() {
        client = nil
        guard order.endsWithDaemon else { return }
        endsTree = true
        job.kill()
        session.context.log.write(.notice, "\(session.subject(order)): killed, because its daemon is gone")
    }

    private func waitForEnd() -> launch_exit {
        var watchesProcess = true
        while true {
            let descriptors = [
                watchesProcess ? processDescriptor.rawValue : -1, client?.socket.descriptor.rawValue ?? -1,
                client == nil ? start.adoption?.descriptor ?? -1 : -1, session.signals.rawValue,
                client == nil ? -1 : daemon?.rawValue ?? -1, orphans?.rawValue ?? -1,
            ]
            let retry = watchesProcess ? nil : ContinuousClock.now + retryDelay
            let waited = Waiting.wait(for: descriptors, until: [killsAt, retry, burial].compactMap { $0 }.min())
            if let killsAt, ContinuousClock.now >= killsAt {
                self.killsAt = nil
                job.kill()
            }
            if waited.contains(3) { handleSignal() }
            if waited.contains(2) { adopt() }
            if waited.contains(1) { handleRequest() }
            if waited.contains(4), client != nil { daemonIsGone() }
            if waited.contains(5) || hasMoreOrphans { buryOrphans() }
            guard waited.contains(0) || retry != nil else { continue }
            if let exit = reap() { return exit }
            // A tracer is told first, and may keep the zombie for as long as it likes; the descriptor stays readable.
            watchesProcess = false
            retryDelay = min(retryDelay * 2, Self.longestRetryDelay)
            if let endingSince, remaining > 0, ContinuousClock.now - endingSince < Self.remainderPatience { continue }
            let since = heldBackSince ?? .now
            heldBackSince = since
            guard ContinuousClock.now - since < Self.tracerPatience else {
                // Not reaped yet, so its number is still its own.
                if endsTree, endingSince == nil { remaining = job.end() }
                return launch_exit()
            }
        }
    }

    private func handleRequest() {
        switch client?.nextFrame(session.context) {
        case .reset where !isAdopted: abandon()
        case .end, .reset, nil: daemonIsGone()
        case .some(.none): break
        case .frame(let frame):
            switch frame.message {
            case .signal(let request): job.send(request.signal, to: request.target.recipient)
            case .terminate(let milliseconds): terminate(.milliseconds(Int(milliseconds)))
            // It came too late.
            case .withdraw: break
            case .hello, .launch, .adopt:
                let message = "the connection has its job; make another one"
                client?.tell(.refused(Refusal(reason: "one-job", message: message)), frame.sequence)
                daemonIsGone()
            }
        }
    }

    private func adopt() {
        guard let (client, sequence) = start.adoption?.accept(report, for: session.owner, session.context)
        else { return }
        self.client = client
        self.sequence = sequence
        isAdopted = true
        _ = tellStarted()
    }

    private func handleSignal() {
        let signal = helper_signals_next(session.signals.rawValue)
        guard signal == SIGTERM || signal == SIGINT else { return }
        stop()
    }

    /// Ends the job because the helper ends, unless it is one that outlives that.
    private func stop() {
        isStopping = true
        guard order.endsWithDaemon else { return }
        stopsAt = .now + Self.graceAtStop + Self.remainderPatience
        terminate(Self.graceAtStop)
    }

    private func terminate(_ gracePeriod: Duration) {
        endsTree = true
        // Several who end the job ask it once; a program may take a second request for one without a grace period.
        let isAsked = killsAt != nil
        killsAt = min(killsAt ?? .now + gracePeriod, .now + gracePeriod)
        if !isAsked { job.send(SIGTERM, to: .tree) }
        // Whoever is stopped cannot end politely.
        job.send(SIGCONT, to: .tree)
    }

    /// Takes the status of the first process, if it has ended.
    private func reap() -> launch_exit? {
        // As long as it is a zombie, its number and its session are its own.
        if endsTree, launch_has_ended(processDescriptor.rawValue) == 1 {
            remaining = job.end()
            let since = endingSince ?? .now
            endingSince = since
            if remaining > 0, ContinuousClock.now - since < Self.remainderPatience { return nil }
        }
        var exit = launch_exit()
        let result = unsafe launch_reap(processDescriptor.rawValue, &exit)
        isReaped = result != 0
        if result == 1 { return exit }
        // Where the kernel has reaped it for this process, newer ones still know how it ended.
        return unsafe result < 0 && launch_exit_of_reaped(processDescriptor.rawValue, &exit) == 0 ? exit : nil
    }

    /// Reaps those of the job who have lost their parent, and have ended: as zombies they count against the limits of the account.
    private func buryOrphans() {
        guard let orphans else { return }
        while helper_signals_next(orphans.rawValue) > 0 {}
        hasMoreOrphans = helper_reap_orphans(isOver ? 0 : start.launch.child.processID) == 1
    }

    /// Kills the orphans of a job that is to leave nothing.
    ///
    /// - Returns: How many are left.
    private func endOrphans() -> Int {
        guard orphans != nil else { return 0 }
        let leader = isReaped ? 0 : start.launch.child.processID
        if let left = job.endOrphans(but: leader) { return left }
        // One that has ended is found like one that has not; whoever goes on making them is killed in between.
        let patience = ContinuousClock.now + Self.burialPatience
        repeat { buryOrphans() } while hasMoreOrphans && ContinuousClock.now < patience
        // Those that a look at all processes finds are killed by that.
        return job.endOrphans(but: leader) ?? (isReaped ? 1 : 0)
    }

    /// When the next of them are reaped, where there may be more; other things have their turn in between.
    private var burial: ContinuousClock.Instant? { hasMoreOrphans ? .now : nil }

    /// Waits until nothing is left of a job that is to leave nothing.
    private func settle(_ exit: launch_exit) -> HelperExitReport {
        // They are killed since before the first process was reaped, where that had to wait for its tracer.
        let deadline = (endingSince ?? .now) + Self.remainderPatience
        var delay = Duration.milliseconds(1)
        while endsTree, job.tree.hasRemainder || endOrphans() > 0, ContinuousClock.now < deadline {
            job.kill()
            _ = Waiting.wait(for: [], until: .now + delay)
            delay = min(delay * 2, Self.longestRetryDelay)
        }
        let group = job.tree.group
        let remaining = countRemaining()
        let peaks = group?.peaks
        let ending = HelperExitReport(
            code: HelperExitReport.Ending(rawValue: exit.code) ?? .unknown,
            status: exit.status,
            wallMicroseconds: microseconds(ContinuousClock.now - began),
            userMicroseconds: UInt64(clamping: exit.user_microseconds),
            systemMicroseconds: UInt64(clamping: exit.system_microseconds),
            // 0 is an unknown one.
            peakResidentBytes: exit.peak_resident_bytes > inheritedPeak
                ? UInt64(clamping: exit.peak_resident_bytes) : 0,
            blockInputOperations: UInt64(clamping: exit.input_blocks),
            blockOutputOperations: UInt64(clamping: exit.output_blocks),
            groupPeaks: peaks.map { HelperExitReport.GroupPeaks(memoryBytes: $0.memoryBytes, processes: $0.processes) },
            remainingProcesses: UInt32(clamping: remaining)
        )
        return ending
    }

    /// How many processes a job that is to leave nothing has left.
    private func countRemaining() -> Int {
        guard endsTree else { return 0 }
        guard orphans != nil, isReaped else { return max(job.tree.remainder, remaining) }
        // Those that were counted before may have gone meanwhile.
        return max(endOrphans(), remaining > 0 ? job.tree.countRemainder() : 0)
    }

    /// Whether the daemon knows how the job has ended: of one that can be taken over, once it has read that.
    private func isTold(_ ending: HelperExitReport) -> Bool {
        guard let client else { return false }
        // What is left of the job is ended over this connection.
        let isToBeRead = start.adoption != nil && !isNobodys && !job.tree.hasRemainder
        if isToBeRead {
            // Whoever knows of the end finds the cgroup gone, where the kernel is as fast, and the place free.
            _ = job.tree.group?.remove()
            isRemembered = remember()
        } else if job.tree.group != nil, !job.tree.hasRemainder {
            // Who has something sent to the tree behind that is told that nobody is left, however soon this process goes.
            client.socket.endReceiving()
        }
        guard client.tell(.exited(ending), sequence) else { return false }
        guard isToBeRead else { return true }
        guard !hasRead(client, until: .now + Self.retention) else { return true }
        self.client = nil
        return false
    }

    /// Gives the place of the job, which has ended, to others, where the policy has one for its end.
    private func remember() -> Bool {
        let (load, policy) = (session.context.table.load(of: session.owner.userID), session.context.policy)
        guard load.all.ends < policy.maximumJobs, load.ofTheUser.ends < policy.maximumJobsPerPeer else { return false }
        session.say(.remembering(session.owner.userID))
        return true
    }

    /// Keeps the end of a job until a daemon asks for it.
    private func keep(_ ending: HelperExitReport) {
        guard isRemembered || remember() else {
            session.context.log.write(
                .warning,
                "\(session.subject(order)): how it ended is not kept, because nobody has asked for those of as many jobs as the "
                    + "policy permits"
            )
            return
        }
        // A helper that was stopped while the job ran has left it to this process; what stops it now is another matter.
        let wasStopping = isStopping
        defer { isStopping = isStopping || wasStopping }
        isStopping = false
        let deadline = ContinuousClock.now + Self.retention
        while !isStopping, let adoption = start.adoption {
            let descriptors = [adoption.descriptor, session.signals.rawValue, orphans?.rawValue ?? -1]
            let waited = Waiting.wait(for: descriptors, until: burial ?? deadline)
            if waited.contains(1) { handleSignal() }
            if waited.contains(2) || hasMoreOrphans { buryOrphans() }
            if isStopping || ContinuousClock.now >= deadline { return }
            guard waited.contains(0) else { continue }
            guard let (client, sequence) = adoption.accept(report, for: session.owner, session.context)
            else { continue }
            client.tell(.started(report), sequence, descriptors: [processDescriptor])
            if client.tell(.exited(ending), sequence), hasRead(client, until: deadline) { return }
        }
    }

    /// Waits until a daemon has read how the job has ended, and closes the connection; who goes before that has not heard it.
    private func hasRead(_ client: Monitor.Client, until deadline: ContinuousClock.Instant) -> Bool {
        client.socket.endSending()
        let wasStopping = isStopping
        defer { isStopping = isStopping || wasStopping }
        isStopping = false
        let descriptors = [
            client.socket.descriptor.rawValue, session.signals.rawValue, orphans?.rawValue ?? -1,
        ]
        while ContinuousClock.now < deadline {
            let waited = Waiting.wait(for: descriptors, until: burial ?? deadline)
            if waited.contains(1) { handleSignal() }
            if waited.contains(2) || hasMoreOrphans { buryOrphans() }
            if isStopping { return true }
            guard waited.contains(0) else { continue }
            switch client.nextFrame(session.context) {
            case .none, .frame: continue
            case .end: return true
            case .reset: return false
            }
        }
        return true
    }

    private static func ownPeakResidentBytes() -> Int64 {
        var usage = rusage()
        guard unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return .max }
        return Int64(usage.ru_maxrss) * 1_024
    }

    private func microseconds(_ time: Duration) -> UInt64 {
        UInt64(clamping: time.components.seconds * 1_000_000 + time.components.attoseconds / 1_000_000_000_000)
    }
}

extension SignalRequest.Target {
    var recipient: JobProcess.SignalTarget {
        switch self {
        case .process: .process
        case .group: .group
        case .tree: .tree
        }
    }
}
