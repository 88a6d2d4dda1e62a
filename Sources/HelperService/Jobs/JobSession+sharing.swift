import CHelperService
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
        let key = SessionKey(order, wanted, peer: owner.userID)
        let (now, end) = (ContinuousClock.now, StepDeadline(client, sequence, signals: signals))
        // Somebody else's modules may take longer than this job has. There is time left for a session of its own then.
        let patience = now + (deadline - now) / 2
        switch directory.find(key.digest, opening: isOpening, until: patience, unless: { end.isInterrupted }) {
        case .none: return false
        case .mine(let index):
            place = index
            return false
        case .open(let index, let keeper, let generation):
            let note = SessionHandover.Note(slot: slot, generation: generation, deadline: deadline)
            let handover = SessionHandover(note, owner, sequence, order, descriptors)
            return send(handover, to: index, of: keeper, in: directory, by: deadline)
        }
    }

    private func send(
        _ handover: SessionHandover,
        to index: Int,
        of keeper: Int32,
        in directory: SessionDirectory,
        by deadline: ContinuousClock.Instant
    ) -> Bool {
        // The job counts all the time, so the word goes with it; whoever ends early leaves it to the other one.
        guard context.table.hand(slot, from: getpid(), to: keeper) else {
            directory.uncount(index, of: keeper)
            return false
        }
        do {
            try handover.send(over: directory.channel(index).sending, until: deadline)
        } catch {
            directory.uncount(index, of: keeper)
            return !context.table.hand(slot, from: keeper, to: getpid())
        }
        // A keeper that has ended meanwhile was perhaps buried before the word was its own.
        if !directory.isKept(index, by: keeper), context.table.hand(slot, from: keeper, to: getpid()) {
            client?.tell(.failed(SessionKeeper.ended), sequence)
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
            unsafe helper_close_aside($0.baseAddress, Int32($0.count))
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
        // What decides about later jobs is to be read where it was read for this one.
        guard let directory = context.sessions, let session, helper_thread_count() == 1, surroundings != nil,
            surroundings == .current(),
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
        // The child takes it as well; whoever comes first, it is the child's before others are counted.
        _ = context.table.hand(slot, from: keeper, to: child)
        // All of that is the child's.
        client?.socket.descriptor.closeNow()
        owner.process?.closeNow()
        client = nil
        let unneeded = descriptors.compactMap { $0.take()?.rawValue }
        let closer = unsafe unneeded.withUnsafeBufferPointer {
            unsafe helper_close_aside($0.baseAddress, Int32($0.count))
        }
        keeping?.run(firstChild: child, after: closer)
        place = nil
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
