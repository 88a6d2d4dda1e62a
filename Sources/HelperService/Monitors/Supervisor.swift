import CHelperService
import CLaunchPlan
import Glibc
import LaunchPlan
package import SystemPackage

/// The first process of the helper: it keeps a few others waiting for daemons, and nothing else.
///
/// It reads nothing that anybody sends, so nothing that a daemon does can reach it, and a process that serves one daemon
/// cannot hold up another's. It has no threads, so `fork(2)` copies nothing that could be locked.
package struct Supervisor {
    private var context: HelperContext
    private let wake: OwnedDescriptor
    private var monitors: [Int32: Int] = [:]
    /// Processes that nobody here has made who still lives: a process that kept a session has ended before them, or an earlier
    /// helper has.
    private var orphans: [Orphan] = []
    /// When processes were seen first to look who has connected.
    private var greeting: [Int32: ContinuousClock.Instant] = [:]
    /// When processes are made next; `nil` while enough of them wait.
    private var parksAt: ContinuousClock.Instant?
    private var complainedOfRoom: ContinuousClock.Instant?
    /// Groups of jobs that were ended and are still there, and when it is tried again to remove them.
    private var unremoved: Set<FilePath> = []
    private var removesAt: ContinuousClock.Instant?

    /// A process that somebody else waits for, and its descriptor, which tells of its end.
    private struct Orphan {
        let processID: Int32
        /// None as long as this process has none left for it.
        var descriptor: OwnedDescriptor?
    }

    /// How long processes with jobs may take to end when the helper stops.
    ///
    /// One that keeps a session has 28 seconds for those, and three steps of PAM of five.
    private static let stopPatience = Duration.seconds(45)

    /// How soon it is looked again at what takes a while.
    private static let lookDelay = Duration.seconds(1)

    /// How long a process may take to send somebody away before it is killed.
    private static let greetingPatience = Duration.seconds(5)

    /// Longer than a launch takes.
    private static let parkingDelay = Duration.milliseconds(3)

    /// How soon a fork that failed is tried again.
    private static let retryDelay = Duration.milliseconds(200)

    /// Signals that this process reads.
    private static let signals = [SIGCHLD, SIGTERM, SIGINT, SIGHUP]

    /// Prepares.
    ///
    /// - Parameter context: What every process has.
    /// - Throws: `Errno` when the kernel has no descriptor left.
    package init(_ context: HelperContext) throws(Errno) {
        self.context = context
        let event = linux_eventfd_create()
        guard event >= 0 else { throw Errno(rawValue: -event) }
        wake = try OwnedDescriptor(moving: event)
    }

    /// Serves until a signal asks to stop.
    ///
    /// - Throws: `Errno` when processes can no longer be made at all.
    package mutating func run() throws(Errno) {
        let signals = try HelperSignals.open(Self.signals)
        endLeftoversOfOthers()
        if let rehearsal = Rehearsal(context) {
            // Once for what is made when it is first used, and once more for the memory that it uses from then on.
            rehearsal.perform()
            context.pages = WarmPages { rehearsal.perform() }
            rehearsal.end()
        }
        while true {
            try parkInTime()
            let isWatching = !greeting.isEmpty || removesAt != nil || orphans.contains { $0.descriptor == nil }
            let look = parksAt ?? (isWatching ? .now + Self.lookDelay : nil)
            let known = orphans.compactMap { $0.descriptor?.rawValue }
            _ = Waiting.wait(for: [signals.rawValue, wake.rawValue] + known, until: look)
            var count: UInt64 = 0
            _ = unsafe read(wake.rawValue, &count, MemoryLayout<UInt64>.size)
            while case let signal = helper_signals_next(signals.rawValue), signal > 0 {
                if signal == SIGTERM || signal == SIGINT { return stop(signals) }
                if signal == SIGHUP {
                    context.log.write(.warning, "the policy is read when the helper starts; restart it for a new one")
                }
            }
            reap()
            lookAfterOrphans()
            if let removesAt, ContinuousClock.now >= removesAt { endLeftovers() }
            endGreeters()
        }
    }

    /// Makes processes that wait, soon: a fork takes the processor from the launch that has made it necessary, so as long as
    /// half of them still wait, it comes a moment later.
    private mutating func parkInTime() throws(Errno) {
        let (now, parked) = (ContinuousClock.now, context.table.parkedCount)
        if parked >= context.parked {
            parksAt = nil
        } else if parked * 2 < context.parked || parksAt.map({ now >= $0 }) ?? false {
            // A fork that failed is tried again, whoever has made room meanwhile.
            parksAt = try park() ? nil : now + Self.retryDelay
        } else {
            parksAt = parksAt ?? now + Self.parkingDelay
        }
    }

    /// Ends processes that stand still with what a stranger has sent them.
    private mutating func endGreeters() {
        let now = ContinuousClock.now
        greeting = Dictionary(
            uniqueKeysWithValues: monitors.filter { context.table[$0.value] == .greeting && owns($0.key, $0.value) }
                .map { ($0.key, greeting[$0.key] ?? now) }
        )
        for (child, since) in greeting where now - since > Self.greetingPatience { _ = kill(child, SIGKILL) }
    }

    /// Makes processes until enough of them wait.
    ///
    /// - Returns: Whether there was room for all of them.
    private mutating func park() throws(Errno) -> Bool {
        if !context.table.hasRoom, mayComplainOfRoom() {
            context.log.write(.error, "there is no place for another process; daemons wait until one ends")
        }
        while context.table.parkedCount < context.parked, let slot = context.table.claim(.parked, for: 0) {
            let child = helper_fork()
            if child == 0 {
                monitors = [:]
                serve(slot)
                exit(0)
            }
            guard child > 0 else {
                context.table.free(slot, of: 0)
                context.log.write(.error, "no process can be made: \(Errno(rawValue: -child)); trying again")
                // Those that end make room. Without any there is nobody to wait for.
                guard !monitors.isEmpty else { throw Errno(rawValue: -child) }
                return false
            }
            // The child takes it as well; whoever comes first.
            _ = context.table.hand(slot, from: 0, to: child)
            monitors[child] = slot
        }
        return context.table.hasRoom
    }

    /// Once a minute: it lasts.
    private mutating func mayComplainOfRoom() -> Bool {
        let now = ContinuousClock.now
        guard complainedOfRoom.map({ now - $0 > .seconds(60) }) ?? true else { return false }
        complainedOfRoom = now
        return true
    }

    private func serve(_ slot: Int) {
        _ = context.table.hand(slot, from: 0, to: getpid())
        guard context.table.owner(of: slot) == getpid(), let signals = try? HelperSignals.open([SIGTERM, SIGINT])
        else { return }
        // Before anybody waits for this process: the kernel makes a task group for the session (`sched(7)`).
        if context.separatesProcesses { _ = setsid() }
        context.pages?.populate()
        Monitor(context: context, slot: slot, signals: signals, wake: wake).run()
    }

    private mutating func reap() {
        var status: Int32 = 0
        while case let child = unsafe helper_reap(&status), child > 0 {
            context.sessions?.release(endOf: child, in: context.table)
            guard let slot = monitors.removeValue(forKey: child) else { continue }
            // Whoever has handed his job over answers for no word; whoever keeps a session, for others.
            let slots = context.sessions == nil && owns(child, slot) ? [slot] : context.table.words(of: child)
            let keptSession = slots.contains { context.table[$0].keepsSession }
            // Somebody else may take what it has offered until then, and goes on with the job.
            let jobs = slots.compactMap { slot in
                let state = context.table[slot]
                return context.table.free(slot, of: child) && state.hasJob ? state : nil
            }
            let hadJob = !jobs.isEmpty
            if keptSession { findOrphans() }
            if status != 0, hadJob || context.table.mayComplain() {
                context.log.write(
                    .error,
                    hadJob
                        ? "process \(child) of the helper ended with status \(status); \(context.fate(ofJobs: jobs))"
                        : "process \(child) of the helper, which had no job, ended with status \(status)"
                )
            }
            // A stranger who was turned away has nothing to be looked for.
            if hadJob { endLeftovers(of: child) }
        }
        context.sessions?.releaseRest(in: context.table)
    }

    /// Looks for what a process that kept a session has left behind: others wait for the end of that, and this process frees
    /// the words.
    ///
    /// Not as whoever inherits orphans (`PR_SET_CHILD_SUBREAPER`): jobs make those as well, as many as they like.
    private mutating func findOrphans() {
        let known = Set(orphans.map(\.processID))
        for process in context.table.answerers where monitors[process] == nil && !known.contains(process) {
            // One of another keeper has that as its parent.
            if let stat = try? ProcessStat(of: process), monitors[stat.parent] != nil { continue }
            orphans.append(Orphan(processID: process))
        }
    }

    private mutating func lookAfterOrphans() {
        for index in orphans.indices.reversed() where hasEnded(&orphans[index]) {
            let process = orphans.remove(at: index).processID
            for slot in context.table.words(of: process) { context.table.free(slot, of: process) }
            endLeftovers(of: process)
        }
    }

    /// Whether an orphan has ended; one that this process has no descriptor for has not, as far as anybody knows.
    private func hasEnded(_ orphan: inout Orphan) -> Bool {
        if orphan.descriptor == nil {
            let opened = linux_pidfd_open(orphan.processID)
            guard opened >= 0 else { return opened == -ESRCH }
            orphan.descriptor = OwnedDescriptor(opened)
        }
        return orphan.descriptor.map { !Waiting.wait(for: [$0.rawValue], until: .now).isEmpty } ?? false
    }

    /// Whether a process answers for its word.
    private func owns(_ process: Int32, _ slot: Int) -> Bool { context.table.owner(of: slot) == process }

    /// Ends what a process has left that did not end in order, or all that an earlier helper has.
    private mutating func endLeftovers(of child: Int32? = nil) {
        guard let parent = context.controlGroups else { return }
        // What was killed takes a moment, and what hangs in the kernel longer.
        defer {
            // Each job that ends asks only for what is its own, and however many do, the others have their turn.
            let next = ContinuousClock.now + Self.lookDelay
            removesAt = unremoved.isEmpty ? nil : child == nil ? next : removesAt ?? next
        }
        do throws(Errno) {
            let leftovers = try parent.endLeftovers(of: child)
            let known = unremoved
            if child == nil { unremoved = [] }
            for leftover in leftovers {
                if leftover.wasPopulated, !known.contains(leftover.path) {
                    context.log.write(
                        .warning,
                        "the processes in \(leftover.path), whose process of the helper has ended, were killed"
                    )
                }
                if leftover.isRemoved { unremoved.remove(leftover.path) } else { unremoved.insert(leftover.path) }
            }
        } catch {
            context.log.write(.error, "\(parent.path) cannot be read for what was left there: \(error)")
        }
    }

    /// Ends what an earlier helper has left, now and whenever a process of it ends that still gives its job time: whoever kills that
    /// process, nobody else knows of its job.
    ///
    /// The directory may be others' as well. What they leave is ended likewise, as when a helper starts.
    private mutating func endLeftoversOfOthers() {
        guard let parent = context.controlGroups else { return }
        // Before the others are looked for: who ends in between is among these.
        var makers = ((try? parent.livingMakers()) ?? []).sorted().map { Orphan(processID: $0) }
        // Now, while the numbers are theirs: what was made by others who have lost theirs since is ended here.
        for index in makers.indices { _ = hasEnded(&makers[index]) }
        endLeftovers()
        orphans += makers
    }

    /// Whether a process needs none of the others any more.
    private func isLasting(_ process: Int32, _ slot: Int) -> Bool {
        guard owns(process, slot) else { return false }
        return switch context.table[slot] {
        case .keeping, .remembering: true
        case .free, .parked, .greeting, .leaving, .serving, .holding: false
        }
    }

    /// Ends the processes that wait, and lets those with jobs end them; jobs that outlive their daemon go on.
    private mutating func stop(_ signals: OwnedDescriptor) {
        let deadline = ContinuousClock.now + Self.stopPatience
        for child in monitors.keys { _ = kill(child, SIGTERM) }
        while !monitors.isEmpty, ContinuousClock.now < deadline {
            _ = Waiting.wait(for: [signals.rawValue], until: deadline)
            while helper_signals_next(signals.rawValue) > 0 {}
            reap()
            // What is left looks after jobs that go on, and needs no parent.
            if monitors.allSatisfy({ isLasting($0.key, $0.value) }) { break }
        }
        // Whoever puts the next helper into the group that this one was started in could not, with controllers handed down and a
        // job left there that hangs in the kernel. It was to be killed, so its limits are no loss.
        context.controlGroups?.takeBackOwnControllers()
    }
}
