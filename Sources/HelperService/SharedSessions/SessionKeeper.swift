import CHelperService
import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// The process that keeps a session of PAM open for several jobs, and closes it as root.
///
/// It forks the processes that look after the jobs, a few of them ahead, and reads nothing that a daemon sends. From the first step
/// of PAM to the last it is one process, as modules expect; nothing else runs in it meanwhile.
struct SessionKeeper {
    private let context: HelperContext
    private let directory: SessionDirectory
    private let session: PAMSession
    private let kept: KeptSession
    /// How long the session stays open without a job.
    private let idleTime: Duration
    /// How long jobs may join it.
    private let age: Duration
    private let signals: OwnedDescriptor
    private let receipts: ReceiptPipe
    private var children: Set<Int32> = []
    /// The processes that wait for a job, since when: none of them has said that it has received anything.
    private var waiting: [Int32: ContinuousClock.Instant] = [:]
    /// When processes are made next that wait; `nil` while enough of them do.
    private var parksAt: ContinuousClock.Instant?
    /// Since when what was given up lies there, as far as this process knows.
    private var blockedSince: ContinuousClock.Instant?
    private let began = ContinuousClock.now
    private var idleSince: ContinuousClock.Instant?
    private var isClosing = false
    /// Whether others can join.
    private var isOpen = false

    /// How long jobs may join a session: what it has been given for them, tickets for one, does not last for ever.
    static let longestAge = Duration.seconds(3_600)

    /// How long the descriptors of the first job may take to close.
    private static let closingPatience = Duration.seconds(2)

    /// Also one that ends without a signal (`__WALL`).
    private static let anyChild = Int32(bitPattern: 0x4000_0000)

    /// How soon it is looked again whether a job that was announced comes; it takes microseconds.
    private static let announcementDelay = Duration.seconds(1)

    /// How long a process that was killed may take to go; one that hangs in the kernel does not.
    private static let killPatience = Duration.seconds(2)

    /// How many processes wait for jobs, so that none waits for a fork.
    private static let parked = 2

    /// How soon the last of them is made: a fork takes the processor from the launch that has made it necessary.
    private static let parkingDelay = Duration.milliseconds(3)

    /// How soon a fork that failed is tried again.
    private static let retryDelay = Duration.milliseconds(200)

    /// How long jobs may take to end when this process is to end: what a job has for it, and a second.
    private static let stopPatience = Duration.seconds(26)

    /// Prepares.
    ///
    /// - Parameters:
    ///   - context: The helper.
    ///   - directory: Where others find it.
    ///   - session: The session, open.
    ///   - kept: What there is to know of it.
    ///   - idleTime: How long it stays open without a job.
    ///   - age: How long jobs may join it.
    /// - Throws: `Errno` when the kernel has no descriptor left.
    init(
        _ context: HelperContext,
        _ directory: SessionDirectory,
        _ session: PAMSession,
        _ kept: KeptSession,
        idleTime: Duration,
        age: Duration = longestAge
    ) throws(Errno) {
        self.context = context
        self.directory = directory
        self.session = session
        self.kept = kept
        self.idleTime = idleTime
        self.age = age
        receipts = try ReceiptPipe()
        signals = try HelperSignals.open([SIGCHLD, SIGTERM, SIGINT])
    }

    /// Keeps the session until it has had no job for a while, or this process is to end.
    ///
    /// - Parameters:
    ///   - child: The process that looks after the first job.
    ///   - closer: The process that closes what the first job has, here as well; 0 for none.
    mutating func run(firstChild child: Int32, after closer: Int32) {
        children = [child]
        open(after: closer)
        while true {
            park()
            _ = Waiting.wait(
                for: [signals.rawValue, receipts.descriptor],
                until: [parksAt, lookAt].compactMap { $0 }.min()
            )
            while case let signal = helper_signals_next(signals.rawValue), signal > 0 {
                if signal == SIGTERM || signal == SIGINT { return stop() }
            }
            reap()
            // After that: a process that has ended has said so before, and its number may be the next one's.
            noteReceipts()
            if isDone() { return end() }
        }
    }

    /// Lets others join, once this process has nothing of the first job's any more: those it forks would have it too.
    ///
    /// Whoever serves a file system may stand still over a close; then the session is the first job's alone.
    private mutating func open(after closer: Int32) {
        if closer > 0 {
            let process = OwnedDescriptor(linux_pidfd_open(closer))
            let isDone = Waiting.wait(for: [process.rawValue], until: .now + Self.closingPatience) == [0]
            var status: Int32 = 0
            guard isDone, unsafe waitpid(closer, &status, Self.anyChild) == closer else {
                context.log.write(.notice, "descriptors of a job are slow to close; its session is kept for no others")
                return directory.free(kept.place)
            }
        }
        directory.open(kept.place)
        isOpen = true
    }

    /// When there is something to be decided though nothing happens.
    private var lookAt: ContinuousClock.Instant? {
        guard isOpen, !isClosing else { return nil }
        if directory.standing(kept.place).isAnnounced { return .now + Self.announcementDelay }
        return min(began + age, idleSince.map { $0 + idleTime } ?? began + age)
    }

    /// The processes that have jobs.
    ///
    /// Whoever takes a job takes its word first, and says then that it is not on its way any more.
    private var busy: Int { context.table.answerers.intersection(children).count }

    /// Whether nobody needs the session any more; from then on nobody can join it.
    private mutating func isDone() -> Bool {
        guard isOpen else { return children.isEmpty }
        if !isClosing {
            let now = ContinuousClock.now
            // Before it is looked whether one is on its way: under steady traffic there always is.
            if now >= began + age { directory.retire(kept.place) }
            endIdlers()
            directory.retractVain(kept.place, in: context.table)
            let standing = directory.standing(kept.place)
            idleSince = standing.isAnnounced || busy > 0 ? nil : idleSince ?? now
            if now >= began + age || idleSince.map({ now >= $0 + idleTime }) ?? false {
                isClosing = directory.close(kept.place, from: standing)
            }
        }
        // Counted anew: nobody comes any more, and whoever has come before has his word.
        return isClosing && busy == 0
    }

    /// Those wait no more who have received something, and none who has a job could wait.
    private mutating func noteReceipts() {
        for process in receipts.receivers() + context.table.answerers { waiting[process] = nil }
    }

    /// Ends the processes that wait, where none of them has received what was given up: they stand still.
    private mutating func endIdlers() {
        let now = ContinuousClock.now
        guard directory.isBlocked(kept.place, in: context.table) else {
            blockedSince = nil
            return
        }
        let since = blockedSince ?? now
        blockedSince = since
        guard now - since >= Self.announcementDelay else { return }
        directory.whereBlocked(kept.place, in: context.table) {
            // Whoever has taken a job has said before that he has received it, and nobody can take one now.
            noteReceipts()
            let idle = waiting.filter { now - $0.value >= Self.announcementDelay }.keys.sorted()
            guard !idle.isEmpty else { return }
            for child in idle {
                _ = kill(child, SIGKILL)
                waiting[child] = nil
            }
            context.log.write(
                .error,
                "processes \(idle) of the helper, which waited for jobs of a session, stood still and are ended"
            )
        }
    }

    /// Makes processes that wait for jobs: at once where none does, and else in a moment.
    private mutating func park() {
        let (now, plan) = (ContinuousClock.now, parksAt)
        parksAt = nil
        guard isOpen, !isClosing, waiting.count < Self.parked else { return }
        let isTime = plan.map { now >= $0 } ?? false
        while waiting.isEmpty || isTime && waiting.count < Self.parked {
            let child = helper_fork()
            if child == 0 { _exit(launchJob()) }
            guard child > 0 else {
                context.log.write(.error, "no process can be made: \(Errno(rawValue: -child)); trying again")
                parksAt = now + Self.retryDelay
                return
            }
            children.insert(child)
            waiting[child] = now
        }
        if waiting.count < Self.parked { parksAt = plan ?? now + Self.parkingDelay }
    }

    /// Waits for a job, and looks after it to its end.
    ///
    /// - Returns: The status of this process.
    private func launchJob() -> Int32 {
        helper_deadline_forget()
        context.pages?.populate()
        let keeper = getppid()
        let channel = directory.channel(kept.place).receiving
        guard let signals = try? HelperSignals.open([SIGTERM, SIGINT]) else { return 1 }
        while true {
            guard Waiting.wait(for: [channel.descriptor.rawValue, signals.rawValue], until: nil) == [0] else {
                return 0
            }
            let standing = directory.standing(kept.place)
            do {
                guard case .frame(let received) = try channel.receive() else { continue }
                receipts.tell()
                return launch(received, announced: standing, signals, keeper)
            } catch {
                receipts.tell()
                // Whoever has sent it finds that it is lost, and launches the job himself.
                directory.retract(kept.place, from: standing)
                context.log.write(.error, "a job on its way to its session is lost: \(error)")
                return 1
            }
        }
    }

    private func launch(
        _ received: ReceivedFrame,
        announced standing: SessionDirectory.Standing,
        _ signals: OwnedDescriptor,
        _ keeper: Int32
    ) -> Int32 {
        guard let note = SessionHandover.Note(received) else { return 1 }
        // What was meant for an earlier session, or is not offered any more, has somebody else who answers for it. Nobody looks
        // into it: what it brings is closed by whoever has it last.
        guard note.generation == kept.generation, context.table.take(note.offer, for: getpid()) else {
            directory.retract(kept.place, from: standing, givenUpBy: note.offer.owner, in: context.table)
            return 0
        }
        // It announces no other one.
        directory.retract(kept.place, of: note.offer.owner)
        do {
            let handover = try SessionHandover(received)
            // From here on there is a job to be ended in order.
            if helper_hear_of_parent(keeper) != 0 { kill(getpid(), SIGTERM) }
            JobSession(
                context,
                handover.client,
                slot: note.offer.slot,
                signals: signals,
                sequence: note.sequence,
                in: kept
            )
            .run(handover.order, handover.descriptors, within: note.timeLeft)
            return 0
        } catch {
            context.log.write(.error, "a job that came to its session cannot be read: \(error)")
            _ = try? SessionHandover.client(of: received).tell(.failed(Self.unreadable), note.sequence)
            return 1
        }
    }

    private mutating func reap() {
        var status: Int32 = 0
        while case let child = unsafe helper_reap(&status), child > 0 { bury(child, status) }
    }

    /// Gives back what a process has left.
    private mutating func bury(_ child: Int32, _ status: Int32) {
        children.remove(child)
        waiting[child] = nil
        let slots = context.table.words(of: child)
        guard !slots.isEmpty else { return }
        idleSince = nil
        if status != 0 {
            context.log.write(
                .error,
                "process \(child) of the helper ended with status \(status); "
                    + context.fate(ofJobs: slots.map { context.table[$0] })
            )
        }
        endLeftovers(of: child)
        for slot in slots { context.table.free(slot, of: child) }
    }

    private func endLeftovers(of child: Int32) {
        guard let parent = context.controlGroups else { return }
        for leftover in (try? parent.endLeftovers(of: child)) ?? [] where leftover.wasPopulated {
            context.log.write(
                .warning,
                "the processes in \(leftover.path), whose process of the helper has ended, were killed"
            )
        }
    }

    /// Ends the jobs, and then the session.
    private mutating func stop() {
        if isOpen { directory.close(kept.place) }
        for child in children { _ = kill(child, SIGTERM) }
        waitForChildren(until: .now + Self.stopPatience)
        end()
    }

    /// Closes the session; nobody is in it.
    ///
    /// With this process its place is given back.
    private mutating func end() {
        for child in children { _ = kill(child, SIGKILL) }
        waitForChildren(until: .now + Self.killPatience)
        if !children.isEmpty {
            context.log.write(
                .error,
                "the session is closed though processes of the helper hang in the kernel: \(children.sorted())"
            )
        }
        session.close(saying: nil, StepDeadline(nil, 0, signals: signals))
    }

    private mutating func waitForChildren(until deadline: ContinuousClock.Instant) {
        reap()
        while !children.isEmpty, ContinuousClock.now < deadline {
            _ = Waiting.wait(for: [signals.rawValue], until: deadline)
            while helper_signals_next(signals.rawValue) > 0 {}
            reap()
        }
    }

    /// What a daemon is told whose job is for another session than it came to.
    static let ended = FailureReport(
        code: .sessionFailed,
        step: LAUNCH_STEP_SESSION_OPEN.rawValue,
        errno: 0,
        operationText: "the session of other jobs that the job was to have was closed meanwhile; launch it again"
    )

    private static let unreadable = FailureReport(
        code: .sessionFailed,
        step: LAUNCH_STEP_SESSION_OPEN.rawValue,
        errno: 0,
        operationText:
            "the process that has the session of other jobs could not take this one: it has no memory or no descriptors left; "
            + "raise the limit of open files that the session has (limits.conf), or let the job have a session of its own"
    )
}
