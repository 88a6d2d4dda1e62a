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
    private let signals: OwnedDescriptor
    /// What this process is woken by when a job has come.
    private let wake: OwnedDescriptor
    private var children: Set<Int32> = []
    private let began = ContinuousClock.now
    private var idleSince: ContinuousClock.Instant?
    /// Since when there are fewer jobs than were announced, and none on its way.
    private var strayingSince: ContinuousClock.Instant?
    private var isClosing = false
    /// Whether others can join.
    private var isOpen = false

    /// How many processes wait for jobs.
    private static let parked = 1

    /// How long jobs may join a session: what it has been given for them, tickets for one, does not last for ever.
    private static let longestAge = Duration.seconds(3_600)

    /// How long the descriptors of the first job may take to close.
    private static let closingPatience = Duration.seconds(2)

    /// Also one that ends without a signal (`__WALL`).
    private static let anyChild = Int32(bitPattern: 0x4000_0000)

    /// How long a job that was announced may take to come; it takes microseconds.
    private static let strayingPatience = Duration.seconds(10)

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
    /// - Throws: `Errno` when the kernel has no descriptor left.
    init(
        _ context: HelperContext,
        _ directory: SessionDirectory,
        _ session: PAMSession,
        _ kept: KeptSession,
        idleTime: Duration
    ) throws(Errno) {
        self.context = context
        self.directory = directory
        self.session = session
        self.kept = kept
        self.idleTime = idleTime
        let event = linux_eventfd_create()
        guard event >= 0 else { throw Errno(rawValue: -event) }
        wake = try OwnedDescriptor(moving: event)
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
        var forksAt: ContinuousClock.Instant?
        while true {
            forksAt = park() ? nil : .now + Self.retryDelay
            _ = Waiting.wait(for: [signals.rawValue, wake.rawValue], until: [forksAt, lookAt].compactMap { $0 }.min())
            var count: UInt64 = 0
            _ = unsafe read(wake.rawValue, &count, MemoryLayout<UInt64>.size)
            while case let signal = helper_signals_next(signals.rawValue), signal > 0 {
                if signal == SIGTERM || signal == SIGINT { return stop() }
            }
            reap()
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
        guard isOpen else { return nil }
        if strayingSince != nil { return .now + .seconds(1) }
        if isClosing { return nil }
        return min(began + Self.longestAge, idleSince.map { $0 + idleTime } ?? began + Self.longestAge)
    }

    /// The processes that have jobs.
    private var busy: Int { context.table.answerers.intersection(children).count }

    /// Whether nobody needs the session any more; from then on nobody can join it.
    private mutating func isDone() -> Bool {
        guard isOpen else { return children.isEmpty }
        let (now, busy) = (ContinuousClock.now, busy)
        recount(busy, now)
        let isIdle = busy == 0 && directory.jobs(kept.place) == 0
        idleSince = isIdle ? idleSince ?? now : nil
        if !isClosing, now >= began + Self.longestAge { isClosing = directory.close(kept.place, ifIdle: false) }
        if !isClosing, let idleSince, now >= idleSince + idleTime {
            isClosing = directory.close(kept.place, ifIdle: true)
        }
        return isClosing && isIdle
    }

    /// Forgets jobs that were announced and have not come: whoever was to bring them has ended, or has brought them in vain.
    private mutating func recount(_ busy: Int, _ now: ContinuousClock.Instant) {
        let channel = directory.channel(kept.place).receiving.descriptor.rawValue
        guard directory.jobs(kept.place) > busy, Waiting.wait(for: [channel], until: now).isEmpty else {
            strayingSince = nil
            return
        }
        let since = strayingSince ?? now
        strayingSince = since
        guard now - since >= Self.strayingPatience else { return }
        strayingSince = nil
        for slot in context.table.words(of: getpid()) where context.table[slot].hasJob {
            context.table.free(slot, of: getpid())
        }
        for _ in busy..<directory.jobs(kept.place) { directory.uncount(kept.place, of: getpid()) }
    }

    /// Makes processes that wait for jobs.
    ///
    /// - Returns: Whether it could.
    private mutating func park() -> Bool {
        guard isOpen else { return true }
        let busy = busy
        // One that waits is of no use any more when nothing is on its way.
        guard !isClosing || directory.jobs(kept.place) > busy else { return true }
        while children.count - busy < Self.parked {
            let child = helper_fork()
            if child == 0 {
                launchJob()
                _exit(0)
            }
            guard child > 0 else {
                context.log.write(.error, "no process can be made: \(Errno(rawValue: -child)); trying again")
                return false
            }
            children.insert(child)
        }
        return true
    }

    /// Waits for a job, and looks after it to its end.
    private func launchJob() {
        helper_deadline_forget()
        let keeper = getppid()
        let channel = directory.channel(kept.place).receiving
        guard let signals = try? HelperSignals.open([SIGTERM, SIGINT]) else { return }
        while true {
            guard Waiting.wait(for: [channel.descriptor.rawValue, signals.rawValue], until: nil) == [0] else { return }
            let received: ReceivedFrame
            do {
                guard case .frame(let frame) = try channel.receive() else { continue }
                received = frame
            } catch {
                return
            }
            // From here on the word is this process's, and goes with it. What was meant for an earlier session is told so.
            guard let note = SessionHandover.Note(received), note.generation == kept.generation,
                context.table.hand(note.slot, from: keeper, to: getpid())
            else {
                (try? SessionHandover(received))?.refuse()
                continue
            }
            guard let handover = try? SessionHandover(received) else { return }
            // From here on there is a job to be ended in order.
            if helper_hear_of_parent(keeper) != 0 { kill(getpid(), SIGTERM) }
            var one: UInt64 = 1
            _ = unsafe write(wake.rawValue, &one, MemoryLayout<UInt64>.size)
            JobSession(
                context,
                handover.client,
                slot: note.slot,
                signals: signals,
                sequence: handover.sequence,
                in: kept
            )
            .run(handover.order, handover.descriptors, within: note.timeLeft)
            return
        }
    }

    private mutating func reap() {
        var status: Int32 = 0
        while case let child = unsafe helper_reap(&status), child > 0 { bury(child, status) }
    }

    /// Gives back what a process has left.
    private mutating func bury(_ child: Int32, _ status: Int32) {
        children.remove(child)
        let slots = context.table.words(of: child)
        guard !slots.isEmpty else { return }
        if status != 0 {
            context.log.write(
                .error,
                "process \(child) of the helper ended with status \(status); its job is ended"
            )
        }
        endLeftovers(of: child)
        for slot in slots {
            context.table.free(slot, of: child)
            if isOpen { directory.uncount(kept.place, of: getpid()) }
        }
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
        if isOpen { isClosing = directory.close(kept.place, ifIdle: false) }
        let deadline = ContinuousClock.now + Self.stopPatience
        for child in children { _ = kill(child, SIGTERM) }
        while !children.isEmpty, ContinuousClock.now < deadline {
            _ = Waiting.wait(for: [signals.rawValue], until: deadline)
            while helper_signals_next(signals.rawValue) > 0 {}
            reap()
        }
        end()
    }

    /// Closes the session; nobody is in it.
    private mutating func end() {
        for child in children { _ = kill(child, SIGKILL) }
        while !children.isEmpty {
            var status: Int32 = 0
            let child = unsafe waitpid(-1, &status, 0)
            if child > 0 { bury(child, status) }
            guard child > 0 || errno == EINTR else { break }
        }
        session.close(saying: nil, StepDeadline(nil, 0, signals: signals))
        guard isOpen else { return }
        directory.beginDraining(kept.place)
        directory.drain(kept.place) { received in
            // Whoever sends and finds that nobody keeps the session answers himself; the word tells who.
            guard let note = SessionHandover.Note(received), context.table.free(note.slot, of: getpid()) else { return }
            (try? SessionHandover(received))?.refuse()
        }
        directory.free(kept.place)
    }

    /// What a daemon is told whose job came too late.
    static let ended = FailureReport(
        code: .sessionFailed,
        step: LAUNCH_STEP_SESSION_OPEN.rawValue,
        errno: 0,
        operationText: "the session of other jobs that the job was to have was closed meanwhile; launch it again"
    )
}
