import CHelperService
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// The sessions that are open for jobs to share, in memory that all processes of the helper have: which there are, who keeps each,
/// and a channel to it.
///
/// A place is free, or its session is being opened, open, or being closed. Whoever brings a job to an open one announces it
/// first, in the same word: one job at a time is on its way to a session, and none is closed with a job on its way to it. Where that
/// job was not taken in time the session stands still, and nobody waits for it until something is taken there; the same goes for one
/// that was not opened in time, until it is.
@safe
package struct SessionDirectory: Sendable {
    /// The way to a keeper.
    struct Channel {
        let sending: FrameSocket
        let receiving: FrameSocket
    }

    /// What somebody finds who looks for a session.
    enum Finding: Equatable {
        /// It is open; a job of the caller's is announced there.
        case open(Int, generation: UInt64)

        /// There is none, and the place is the caller's who opens one.
        case mine(Int)

        /// There is none; nobody asked for a place, or all are taken.
        case none

        /// The one that the caller has waited for was not opened.
        case vain
    }

    /// How a place stood when somebody looked.
    struct Standing {
        fileprivate let word: UInt64

        /// Whether a job is on its way there.
        let isAnnounced: Bool

        /// Who has announced the one that is on its way; 0 for nobody.
        var announcer: Int32 { Place(word).announcer }

    }

    /// How many sessions may be open for others to join.
    ///
    /// Each costs every process of the helper two descriptors.
    static let capacity = 32

    /// How many of them are for daemons of one user at most: what costs nobody anything is not to be one's alone.
    static let capacityPerPeer = 24

    /// How long somebody waits at once for a session that is being opened, before he looks whether he is still asked for it.
    private static let pulse: Int32 = 50

    /// How long a job has to have waited before it can say of a session that it stands still: one with little time left says nothing.
    static let leastPatience = Duration.milliseconds(100)

    /// How long somebody has to have waited for a session to be opened before nobody else does: directories and home directories
    /// may take seconds.
    static let openingPatience = Duration.seconds(2)

    /// How many sessions that jobs could share are being opened at once.
    private static let openers = 2

    private nonisolated(unsafe) let places: UnsafeMutablePointer<UInt64>
    private nonisolated(unsafe) let digests: UnsafeMutablePointer<UInt64>
    private nonisolated(unsafe) let generations: UnsafeMutablePointer<UInt64>
    private let channels: [Channel]

    /// Makes a directory with no session in it.
    ///
    /// There is none without memory and descriptors.
    package init?() {
        guard let places = unsafe helper_table_create(Self.capacity),
            let digests = unsafe helper_table_create(Self.capacity),
            let generations = unsafe helper_table_create(Self.capacity)
        else { return nil }
        unsafe self.generations = generations
        unsafe self.places = places
        unsafe self.digests = digests
        var channels: [Channel] = []
        for _ in 0..<Self.capacity {
            guard let (sending, receiving) = try? FrameSocket.pair() else { return nil }
            channels.append(Channel(sending: sending, receiving: receiving))
        }
        self.channels = channels
    }

    func channel(_ index: Int) -> Channel { channels[index] }

    /// Which session of a place it is: what was meant for an earlier one is not taken for the next one's.
    func generation(_ index: Int) -> UInt64 { unsafe helper_table_get(generations, index) }

    /// Closes the channels here: a session may leave a process little room for descriptors.
    ///
    /// - Parameter index: The place whose channel stays; `nil` for none.
    func closeChannels(but index: Int?) {
        let taken = channels.enumerated().filter { $0.offset != index }
            .flatMap { [$0.element.sending.descriptor, $0.element.receiving.descriptor] }
            .compactMap { $0.take()?.rawValue }
            .sorted()
        // Made one after the other, they lie side by side.
        var rest = taken[...]
        while let first = rest.first {
            let run = rest.enumerated().prefix { $0.element == first + Int32($0.offset) }.count
            helper_close_range(first, first + Int32(run) - 1)
            rest = rest.dropFirst(run)
        }
    }

    /// Looks for a session; waits while it is being opened by somebody else, or somebody else's job is on its way to it.
    ///
    /// - Parameters:
    ///   - digest: The digest of its key.
    ///   - isOpening: Whether the caller opens one if there is none.
    ///   - table: What the processes of the helper do.
    ///   - deadline: When he waits no longer.
    ///   - isUnwanted: Whether nobody wants it any more.
    /// - Returns: What there is.
    func find(
        _ digest: UInt64,
        opening isOpening: Bool,
        in table: MonitorTable,
        until deadline: ContinuousClock.Instant,
        unless isUnwanted: () -> Bool
    ) -> Finding {
        let began = ContinuousClock.now
        var opener: Int32?
        // What he has begun to wait for: nothing has happened there if it is still the same.
        var first: (index: Int, word: UInt64)?
        while true {
            var firstFree: Int?
            var slowOnes = 0
            var awaited: (index: Int, word: UInt64)?
            for index in 0..<Self.capacity {
                let word = word(index)
                let place = Place(word)
                let other = unsafe helper_table_get(digests, index)
                switch place.state {
                case .free: firstFree = firstFree ?? index
                case .closing, .draining, .stalled, .retiring: break
                // Nobody else waits for it, and it has not failed.
                case .openingSlowly where other == digest:
                    slowOnes += 1
                    if place.keeper == opener { opener = nil }
                case .openingSlowly: break
                // Whoever has only just taken the place has not said yet what for.
                case .opening: if other == digest || other == 0 { awaited = awaited ?? (index, word) }
                case .open where other == digest:
                    let generation = generation(index)
                    let announced = Place(.open, keeper: place.keeper, announcer: getpid())
                    if place.announcer == 0, exchange(index, word, announced) {
                        return .open(index, generation: generation)
                    }
                    awaited = (index, word)
                case .open: break
                }
            }
            if let awaited {
                let (place, wanted) = (Place(awaited.word), unsafe helper_table_get(digests, awaited.index))
                if place.state != .opening {
                    opener = nil
                } else if wanted == digest {
                    // Another one has failed, and this one may as well.
                    guard opener == nil || opener == place.keeper else { return .vain }
                    opener = place.keeper
                }
                guard !isUnwanted() else { return .none }
                guard ContinuousClock.now < deadline else {
                    let patience = place.state == .opening ? Self.openingPatience : Self.leastPatience
                    if let first, first == awaited, began.duration(to: .now) >= patience {
                        stall(awaited.index, awaited.word)
                    }
                    return .none
                }
                first = first ?? awaited
                unsafe helper_table_wait(places, awaited.index, awaited.word, Self.pulse)
                // Whoever was to bring a job may have ended, and nobody else looks.
                if word(awaited.index) == awaited.word { retractVain(awaited.index, in: table) }
                continue
            }
            guard opener == nil else { return .vain }
            guard isOpening, let firstFree else { return .none }
            // Where others take long, one with little time left would only be waited for in vain.
            let hasTime = deadline - .now >= Self.openingPatience
            guard slowOnes == 0 || slowOnes < Self.openers && hasTime else { return .none }
            guard exchange(firstFree, 0, Place(.opening, keeper: getpid())) else { continue }
            unsafe helper_table_set(generations, firstFree, UInt64.random(in: 1...UInt64.max))
            unsafe helper_table_set(digests, firstFree, digest)
            wake(firstFree)
            return .mine(firstFree)
        }
    }

    /// How many places processes have that serve daemons of a user.
    func count(of user: UInt32, in table: MonitorTable) -> Int {
        let places = (0..<Self.capacity).map { Place(word($0)) }.filter { $0.state != .free }
        return table.count(of: Set(places.map(\.keeper)), serving: user)
    }

    /// Opens a place of the caller's for others.
    func open(_ index: Int) {
        change(index) { Place(.open, keeper: $0.keeper) }
    }

    // MARK: Jobs on their way

    /// Waits a while for the job that a process has announced to be taken.
    ///
    /// - Parameters:
    ///   - index: The place.
    ///   - generation: Which session of it was meant.
    ///   - announcer: The process.
    /// - Returns: Whether it is on its way still; if not, it has been taken or is lost.
    func wait(at index: Int, _ generation: UInt64, for announcer: Int32) -> Bool {
        let word = word(index)
        let place = Place(word)
        guard place.state.takesJobs, place.announcer == announcer, self.generation(index) == generation else {
            return false
        }
        unsafe helper_table_wait(places, index, word, Self.pulse)
        return true
    }

    /// Says that the job which a process has announced was not taken in time: nobody else is to wait there until it is.
    ///
    /// - Parameters:
    ///   - index: The place.
    ///   - generation: Which session of it was meant.
    ///   - announcer: The process.
    func stall(_ index: Int, _ generation: UInt64, of announcer: Int32) {
        let word = word(index)
        guard Place(word).announcer == announcer, self.generation(index) == generation else { return }
        stall(index, word)
    }

    /// Where anything has happened meanwhile, nothing stands still there.
    private func stall(_ index: Int, _ word: UInt64) {
        let place = Place(word)
        let stalled: State
        switch place.state {
        case .open where place.announcer != 0: stalled = .stalled
        case .opening: stalled = .openingSlowly
        default: return
        }
        if exchange(index, word, Place(stalled, keeper: place.keeper, announcer: place.announcer)) { wake(index) }
    }

    /// Takes back that a job is on its way.
    ///
    /// - Parameters:
    ///   - index: The place.
    ///   - announcer: Whose job it was.
    func retract(_ index: Int, of announcer: Int32) {
        while true {
            let word = word(index)
            let place = Place(word)
            guard place.announcer != 0, place.announcer == announcer else { return }
            if exchange(index, word, place.withoutJob) { return wake(index) }
        }
    }

    /// Takes back that a job is on its way, unless anything has changed since: the next job of the same process for one.
    ///
    /// - Parameters:
    ///   - index: The place.
    ///   - standing: How it stood when the message was there.
    func retract(_ index: Int, from standing: Standing) {
        guard standing.isAnnounced else { return }
        var word = standing.word
        while !exchange(index, word, Place(word).withoutJob) {
            let now = self.word(index)
            // That nobody has taken the job in time, or that it is the last one, changes nothing about it.
            guard Place(now).hasJob(of: Place(word)) else { return }
            word = now
        }
        wake(index)
    }

    /// Takes back that a job is on its way whose message nobody may take any more, unless its owner has another one on its way.
    ///
    /// - Parameters:
    ///   - index: The place.
    ///   - standing: How it stood when the message was there.
    ///   - owner: Whose message it was.
    ///   - table: What the processes of the helper do.
    func retract(_ index: Int, from standing: Standing, givenUpBy owner: Int32, in table: MonitorTable) {
        // A message of somebody who has gone takes nobody else's announcement back, and an old one no later one.
        guard standing.announcer == owner, !table.offersWord(owner) else { return }
        retract(index, from: standing)
    }

    /// Takes back that a job is on its way which cannot come any more: whoever announced it offers none, and there is no message.
    func retractVain(_ index: Int, in table: MonitorTable) {
        let word = word(index)
        let place = Place(word)
        // In this order: whoever offers a job no more has sent it, or never will.
        guard place.announcer != 0, !table.offersWord(place.announcer), !hasMessage(index) else { return }
        if exchange(index, word, place.withoutJob) { wake(index) }
    }

    /// Takes a message back that nobody has received, with the descriptors that it holds.
    ///
    /// Where the session stands still a message without descriptors is left: nobody else is to send one until somebody has
    /// received that. Otherwise others may announce theirs.
    ///
    /// - Parameters:
    ///   - index: The place.
    ///   - generation: Which session of it was meant.
    ///   - announcer: The process whose job it was; it does not offer it any more.
    ///   - words: What the message says.
    func takeBack(_ index: Int, _ generation: UInt64, of announcer: Int32, _ words: [UInt8]) {
        let word = word(index)
        let place = Place(word)
        guard place.announcer == announcer, self.generation(index) == generation, hasMessage(index) else { return }
        // Somebody looks what is the matter there, or it is to be closed, which whoever receives the words makes possible.
        let standsStill = place.state == .stalled || place.state == .retiring
        // First: as soon as nothing lies there, others may send theirs.
        if standsStill, !send(words, to: index) { return }
        for _ in 0..<Self.patienceWithOthers {
            guard case .frame(let received)? = try? channels[index].receiving.receive() else { break }
            if received.bytes == words { break }
            // Somebody has received the one, and somebody else has sent another one since.
            _ = send(received.bytes, received.descriptors, to: index)
        }
        guard !standsStill else { return }
        if exchange(index, word, place.withoutJob) { return wake(index) }
        // Somebody has waited in vain just now.
        if Place(self.word(index)).state == .stalled, Place(self.word(index)).hasJob(of: place), send(words, to: index)
        {
            return
        }
        retract(index, of: announcer)
    }

    /// How many messages of others are looked at for one's own; there is hardly ever one.
    private static let patienceWithOthers = 4

    private func send(_ bytes: [UInt8], _ descriptors: [OwnedDescriptor] = [], to index: Int) -> Bool {
        (try? channels[index].sending.send(OutgoingFrame(bytes: bytes, descriptors: descriptors))) == .sent
    }

    /// Whether a message lies at a place that was given up, and nobody can send another one until somebody has received that.
    func isBlocked(_ index: Int, in table: MonitorTable) -> Bool {
        let place = Place(word(index))
        return (place.state == .stalled || place.state == .retiring) && place.announcer != 0
            && !table.offersWord(place.announcer) && hasMessage(index)
    }

    /// Calls a closure where a message lies that was given up; nobody can announce another job meanwhile.
    ///
    /// - Parameters:
    ///   - index: The place.
    ///   - table: What the processes of the helper do.
    ///   - body: What is to be done about it.
    func whereBlocked(_ index: Int, in table: MonitorTable, _ body: () -> Void) {
        let word = word(index)
        let place = Place(word)
        let closed = Place(.retiring, keeper: place.keeper, announcer: place.announcer)
        guard place.state == .retiring || place.state == .stalled && exchange(index, word, closed) else { return }
        // Looked at when nobody can announce anything any more, and not before: somebody may receive the message meanwhile.
        if isBlocked(index, in: table) { body() }
        guard place.state == .stalled else { return }
        change(index) { Place($0.announcer == 0 ? .open : .stalled, keeper: $0.keeper, announcer: $0.announcer) }
    }

    private func hasMessage(_ index: Int) -> Bool {
        !Waiting.wait(for: [channels[index].receiving.descriptor.rawValue], until: .now).isEmpty
    }

    // MARK: The end

    /// How a place stands now.
    func standing(_ index: Int) -> Standing {
        let word = word(index)
        return Standing(word: word, isAnnounced: Place(word).announcer != 0)
    }

    /// Lets nobody join a session any more, unless somebody has come since, or is on his way.
    ///
    /// - Parameters:
    ///   - index: The place.
    ///   - standing: How it stood.
    /// - Returns: Whether it is so.
    func close(_ index: Int, from standing: Standing) -> Bool {
        guard !standing.isAnnounced else { return false }
        return exchange(index, standing.word, Place(.closing, keeper: Place(standing.word).keeper))
    }

    /// Lets nobody announce a job any more; one that is on its way is still taken.
    func retire(_ index: Int) {
        guard Place(word(index)).state != .retiring else { return }
        change(index) { Place(.retiring, keeper: $0.keeper, announcer: $0.announcer) }
    }

    /// Lets nobody join a session any more; who is on his way finds that it is so.
    func close(_ index: Int) {
        change(index) { Place(.closing, keeper: $0.keeper, announcer: $0.announcer) }
    }

    /// Gives a place back.
    func free(_ index: Int) {
        unsafe helper_table_set(digests, index, 0)
        unsafe helper_table_set(places, index, 0)
        wake(index)
    }

    /// Gives the places of a process back that has ended, without what is still on its way to it.
    func release(endOf process: Int32, in table: MonitorTable) {
        for index in 0..<Self.capacity {
            let place = Place(word(index))
            guard place.state != .free, place.keeper == process else { continue }
            release(index, in: table)
        }
    }

    /// Tries again to give back what could not be.
    func releaseRest(in table: MonitorTable) {
        for index in 0..<Self.capacity {
            let place = Place(word(index))
            if place.state == .draining, place.keeper == 0 { release(index, in: table) }
            // Who keeps it looks for that as well, when anything happens there.
            if place.state == .stalled { retractVain(index, in: table) }
        }
    }

    /// Gives a place back once nothing is in its channel: what lies there is nobody's, and the next session is not to have it.
    private func release(_ index: Int, in table: MonitorTable) {
        // From here on nobody announces anything.
        change(index) { Place(.draining, keeper: 0, announcer: $0.announcer) }
        let announcer = Place(word(index)).announcer
        // It may be about to send its job, and finds then that nobody takes it; its own end is the last chance to look again.
        guard announcer == 0 || !table.offersWord(announcer) else { return }
        guard hasMessage(index) else { return free(index) }
        // It may take its time over a close, and this process has none. With the end of the other one it is looked at again.
        let child = helper_fork()
        if child == 0 {
            helper_alarm(Self.drainSeconds)
            drain(index)
            _exit(0)
        }
        change(index) { Place(.draining, keeper: max(child, 0), announcer: $0.announcer) }
    }

    private static let drainSeconds: UInt32 = 10

    private func drain(_ index: Int) {
        // What cannot be received is gone as well.
        while hasMessage(index) { _ = try? channels[index].receiving.receive() }
    }

    private func word(_ index: Int) -> UInt64 { unsafe helper_table_get(places, index) }

    private func exchange(_ index: Int, _ old: UInt64, _ new: Place) -> Bool {
        var new = new
        new.turn = Place(old).turn &+ 1
        return unsafe helper_table_exchange(places, index, old, new.word) == 1
    }

    private func change(_ index: Int, _ body: (Place) -> Place) {
        while true {
            let word = word(index)
            if exchange(index, word, body(Place(word))) { break }
        }
        wake(index)
    }

    private func wake(_ index: Int) { unsafe helper_table_wake(places, index) }
}
