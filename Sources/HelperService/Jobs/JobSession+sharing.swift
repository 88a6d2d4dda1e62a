import CHelperService
import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

extension JobSession {
    /// Hands the job to the session that other jobs of the account have, if there is one.
    ///
    /// - Parameters:
    ///   - order: The order.
    ///   - descriptors: What came with it.
    ///   - isOpening: Whether this process opens one otherwise; ``place`` is where it is to stand then.
    ///   - deadline: When the job has to run.
    /// - Returns: Whether it was handed over; this process has nothing left to do then.
    func handOver(
        _ order: LaunchOrder,
        _ descriptors: [OwnedDescriptor],
        opening isOpening: Bool = false,
        by deadline: ContinuousClock.Instant
    ) -> Bool {
        // A job that outlives its daemon outlives the helper, and has a session of its own for that.
        guard kept == nil, let wanted = order.session, wanted.isShared, order.endsWithDaemon,
            let directory = context.sessions
        else { return false }
        // The word goes with the job; whoever announces one offers it, and whoever offers none has nothing on its way.
        let offer = MonitorTable.Offer(of: slot, by: getpid())
        guard context.table.make(offer) else { return false }
        let digest = SessionKey(order, wanted, peer: owner.userID).digest
        let end = StepDeadline(client, sequence, signals: signals)
        // Somebody else's modules may take longer than this job has. There is time left for a session of its own then.
        let found = directory.find(
            digest,
            opening: isOpening,
            in: context.table,
            until: patience,
            unless: { end.isInterrupted }
        )
        switch found {
        case .none: break
        // Those who have waited for it open theirs side by side.
        case .vain: patience = .now
        case .mine(let index): take(index, in: directory)
        case .open(let index, let generation):
            let note = SessionHandover.Note(offer, generation: generation, deadline: deadline, sequence: sequence)
            let limit = max(patience, .now + (deadline - .now) / 4)
            return send(SessionHandover(owner, order, descriptors), with: note, to: index, in: directory, until: limit)
        }
        _ = context.table.withdraw(offer)
        return false
    }

    /// Takes a place for a session that this process is to open, unless daemons of the user have their share.
    private func take(_ index: Int, in directory: SessionDirectory) {
        place = index
        if directory.count(of: owner.userID, in: context.table) > SessionDirectory.capacityPerPeer { leavePlace() }
    }

    /// Sends the job, and waits until another process has it: until then it is this one's.
    private func send(
        _ handover: SessionHandover,
        with note: SessionHandover.Note,
        to index: Int,
        in directory: SessionDirectory,
        until limit: ContinuousClock.Instant
    ) -> Bool {
        let (own, end) = (getpid(), StepDeadline(client, sequence, signals: signals))
        let began = ContinuousClock.now
        let parcel: FrameSocket
        do {
            parcel = try handover.send(with: note, over: directory.channel(index).sending)
        } catch {
            _ = context.table.withdraw(note.offer)
            directory.retract(index, of: own)
            return false
        }
        while context.table.owner(of: slot) == own {
            let isOnItsWay = directory.wait(at: index, note.generation, for: own)
            let isLate = ContinuousClock.now >= limit
            guard !isOnItsWay || isLate || end.isInterrupted else { continue }
            guard context.table.withdraw(note.offer) else { break }
            if isLate, began.duration(to: .now) >= SessionDirectory.leastPatience {
                directory.stall(index, note.generation, of: own)
            }
            directory.takeBack(index, note.generation, of: own, note.bytes)
            SessionHandover.takeBack(parcel)
            return false
        }
        leave(handover.descriptors)
        return true
    }

    /// Lets go of what is another process's now; a file system of the daemon's may take its time over that.
    private func leave(_ descriptors: [OwnedDescriptor]) {
        client?.socket.descriptor.closeNow()
        owner.process?.closeNow()
        client = nil
        let unneeded = descriptors.compactMap { $0.take()?.rawValue }
        _ = unsafe unneeded.withUnsafeBufferPointer {
            unsafe launch_close_aside($0.baseAddress, Int32($0.count))
        }
    }

    /// Becomes the process that keeps the session open for other jobs, and makes one that looks after this job.
    ///
    /// - Parameters:
    ///   - effects: What the session means for jobs.
    ///   - order: The order, as it came.
    ///   - wanted: The session that it asks for.
    ///   - descriptors: What came with it.
    ///   - index: The place of the session.
    /// - Returns: Whether this is the process that has kept it, and has closed it.
    func keep(
        _ effects: SessionEffects,
        _ order: LaunchOrder,
        _ wanted: SessionOrder,
        _ descriptors: [OwnedDescriptor],
        at index: Int
    ) -> Bool {
        // A fork copies what other threads hold locked, and not them.
        // What decides about later jobs is to be read where it was read for this one. What a module has lowered for good would be
        // in the way of those who look after them: of their descriptors, of passwords in locked memory.
        guard let directory = context.sessions, let session, helper_thread_count() == 1, surroundings != nil,
            surroundings == .current(), effects.before.leavesRoom,
            let word = context.table.claim(.holding(owner.userID), for: getpid())
        else {
            leavePlace()
            return false
        }
        let kept = KeptSession(
            key: SessionKey(order, wanted, peer: owner.userID),
            effects: effects,
            place: index,
            generation: directory.generation(index)
        )
        let idleTime = min(.milliseconds(Int(wanted.idleMilliseconds)), context.policy.sessionIdleTime)
        var keeping = try? SessionKeeper(context, directory, session, kept, idleTime: idleTime)
        let keeper = getpid()
        let child = keeping == nil ? -1 : helper_fork()
        guard child != 0 else {
            look(after: keeper)
            return false
        }
        guard child > 0 else {
            context.table.free(word, of: getpid())
            leavePlace()
            return false
        }
        order.wipeStrings()
        // The child takes it as well; whoever comes first, it is the child's before others are counted.
        _ = context.table.hand(slot, from: keeper, to: child)
        // All of that is the child's.
        client?.socket.descriptor.closeNow()
        owner.process?.closeNow()
        client = nil
        let unneeded = descriptors.compactMap { $0.take()?.rawValue }
        let closer = unsafe unneeded.withUnsafeBufferPointer {
            unsafe launch_close_aside($0.baseAddress, Int32($0.count))
        }
        // From here on the place goes with this process.
        place = nil
        keeping?.run(firstChild: child, after: closer)
        return true
    }

    /// Lets this process look after the job, forked by the one that keeps the session.
    private func look(after keeper: Int32) {
        helper_deadline_forget()
        // With the signals of a process that has a job, which it ends in order when the session's process does not.
        _ = try? HelperSignals.open([SIGTERM, SIGINT])
        if helper_hear_of_parent(keeper) != 0 { kill(getpid(), SIGTERM) }
        _ = context.table.hand(slot, from: keeper, to: getpid())
        (session, place, isForked) = (nil, nil, true)
    }

    /// Lets others open the session that this process was to open.
    func leavePlace() {
        if let place { context.sessions?.free(place) }
        place = nil
    }
}

extension ProcessTraits {
    /// The least hard limits that processes have to have which look after any job: they hold its descriptors twice, and lock the
    /// page of its password.
    private static let needed: [Int32: UInt64] = [
        Int32(RLIMIT_NOFILE.rawValue): 256, Int32(__RLIMIT_MEMLOCK.rawValue): 65_536,
        Int32(RLIMIT_AS.rawValue): .max, Int32(RLIMIT_DATA.rawValue): .max,
    ]

    /// Whether this process still has room for that, or as much as it had: without `CAP_SYS_RESOURCE` a hard limit that was lowered
    /// stays so.
    fileprivate var leavesRoom: Bool {
        let now = DaemonFacts.current().limits
        return Self.needed.allSatisfy { resource, needed in
            guard let before = limits[resource], let limit = now[resource] else { return true }
            return limit.hard >= min(needed, before.hard)
        }
    }
}
