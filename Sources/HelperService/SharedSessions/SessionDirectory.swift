import CHelperService
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// The sessions that are open for jobs to share, in memory that all processes of the helper have: which there are, who keeps each,
/// and a channel to it.
///
/// A place is free, or its session is being opened, open, or being closed. As long as one is open, whoever hands a job to it
/// counts the job first, so none comes to a keeper that has closed it.
@safe
package struct SessionDirectory: Sendable {
    /// The way to a keeper.
    struct Channel {
        let sending: FrameSocket
        let receiving: FrameSocket
    }

    /// What somebody finds who looks for a session.
    enum Finding: Equatable {
        /// It is open; a job is counted there.
        case open(Int, keeper: Int32, generation: UInt64)

        /// There is none, and the place is the caller's who opens one.
        case mine(Int)

        /// There is none; nobody asked for a place, or all are taken.
        case none
    }

    private enum State: UInt64 {
        case free = 0
        case opening
        case open
        case closing
        /// Nobody keeps it any more; what is on its way is being taken.
        case draining
    }

    /// One place: the process that keeps the session, how many jobs it was given that have not ended, and the state.
    private struct Place {
        var keeper: Int32
        var jobs: UInt32
        var state: State

        init(_ word: UInt64) {
            keeper = Int32(truncatingIfNeeded: word >> 32)
            jobs = UInt32(truncatingIfNeeded: word) & 0xFF_FFFF
            state = State(rawValue: word >> 24 & 0xFF) ?? .free
        }

        init(_ state: State, keeper: Int32, jobs: UInt32) {
            (self.state, self.keeper, self.jobs) = (state, keeper, jobs)
        }

        var word: UInt64 {
            UInt64(UInt32(bitPattern: keeper)) << 32 | state.rawValue << 24 | UInt64(jobs & 0xFF_FFFF)
        }
    }

    /// How many sessions may be open for others to join.
    ///
    /// Each costs every process of the helper two descriptors.
    static let capacity = 32

    /// How long somebody waits at once for a session that is being opened, before he looks whether he is still asked for it.
    private static let pulse: Int32 = 50

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
        for (number, channel) in channels.enumerated() where number != index {
            channel.sending.descriptor.closeNow()
            channel.receiving.descriptor.closeNow()
        }
    }

    /// Looks for a session; waits while it is being opened by somebody else.
    ///
    /// - Parameters:
    ///   - digest: The digest of its key.
    ///   - isOpening: Whether the caller opens one if there is none.
    ///   - deadline: When he looks no further.
    ///   - isUnwanted: Whether nobody wants it any more.
    /// - Returns: What there is.
    func find(
        _ digest: UInt64,
        opening isOpening: Bool,
        until deadline: ContinuousClock.Instant,
        unless isUnwanted: () -> Bool
    ) -> Finding {
        while true {
            var firstFree: Int?
            var awaited: (index: Int, word: UInt64)?
            for index in 0..<Self.capacity {
                let word = word(index)
                let place = Place(word)
                switch place.state {
                case .free: firstFree = firstFree ?? index
                case .closing, .draining: break
                case .opening:
                    // Whoever has only just taken the place has not said yet what for.
                    let other = unsafe helper_table_get(digests, index)
                    if other == digest || other == 0 { awaited = awaited ?? (index, word) }
                case .open:
                    guard unsafe helper_table_get(digests, index) == digest else { continue }
                    let counted = Place(.open, keeper: place.keeper, jobs: place.jobs + 1)
                    let generation = generation(index)
                    if exchange(index, word, counted) {
                        return .open(index, keeper: place.keeper, generation: generation)
                    }
                    awaited = (index, word)
                }
            }
            if let awaited {
                guard ContinuousClock.now < deadline, !isUnwanted() else { return .none }
                unsafe helper_table_wait(places, awaited.index, awaited.word, Self.pulse)
                continue
            }
            guard isOpening, let firstFree else { return .none }
            guard exchange(firstFree, 0, Place(.opening, keeper: getpid(), jobs: 0)) else { continue }
            unsafe helper_table_set(generations, firstFree, UInt64.random(in: 1...UInt64.max))
            unsafe helper_table_set(digests, firstFree, digest)
            wake(firstFree)
            return .mine(firstFree)
        }
    }

    /// Opens a place of the caller's for others, with one job of its own.
    func open(_ index: Int) {
        change(index) { Place(.open, keeper: $0.keeper, jobs: 1) }
    }

    /// Counts a job no more, if the place is still its keeper's.
    func uncount(_ index: Int, of keeper: Int32) {
        change(index) { place in
            guard place.keeper == keeper, place.jobs > 0 else { return place }
            return Place(place.state, keeper: keeper, jobs: place.jobs - 1)
        }
    }

    /// Whether a place is still its keeper's.
    func isKept(_ index: Int, by keeper: Int32) -> Bool {
        let place = Place(word(index))
        return place.keeper == keeper && (place.state == .open || place.state == .closing)
    }

    /// How many jobs a session was given that have not ended.
    func jobs(_ index: Int) -> Int { Int(Place(word(index)).jobs) }

    /// Lets nobody join a session any more.
    ///
    /// - Parameters:
    ///   - index: The place.
    ///   - isIdle: Whether that is to be only if it has no job.
    /// - Returns: Whether it is so.
    func close(_ index: Int, ifIdle isIdle: Bool) -> Bool {
        while true {
            let word = word(index)
            let place = Place(word)
            guard !isIdle || place.jobs == 0 else { return false }
            if exchange(index, word, Place(.closing, keeper: place.keeper, jobs: place.jobs)) { return true }
        }
    }

    /// Gives a place back.
    func free(_ index: Int) {
        unsafe helper_table_set(digests, index, 0)
        unsafe helper_table_set(places, index, 0)
        wake(index)
    }

    /// Lets go of a place whose session is closed, but for what is on its way to it.
    func beginDraining(_ index: Int) {
        change(index) { Place(.draining, keeper: $0.keeper, jobs: $0.jobs) }
    }

    /// Gives the places of a process back that has ended, and lets go of what is still on its way to it.
    func release(endOf process: Int32) {
        for index in 0..<Self.capacity {
            let place = Place(word(index))
            guard place.state != .free, place.keeper == process else { continue }
            guard place.state != .draining, place.jobs > 0 else {
                free(index)
                continue
            }
            // What is on its way may take its time over a close, and this process has none. The end of the other one frees the place.
            let child = helper_fork()
            if child == 0 {
                helper_alarm(Self.drainSeconds)
                drain(index) { _ in }
                _exit(0)
            }
            if child > 0 {
                change(index) { _ in Place(.draining, keeper: child, jobs: 0) }
            } else {
                free(index)
            }
        }
    }

    private static let drainSeconds: UInt32 = 10

    /// Takes what is on its way to a keeper.
    func drain(_ index: Int, _ body: (ReceivedFrame) -> Void) {
        while case .frame(let frame)? = try? channels[index].receiving.receive() { body(frame) }
    }

    private func word(_ index: Int) -> UInt64 { unsafe helper_table_get(places, index) }

    private func exchange(_ index: Int, _ old: UInt64, _ new: Place) -> Bool {
        unsafe helper_table_exchange(places, index, old, new.word) == 1
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
