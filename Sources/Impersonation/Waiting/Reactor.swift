import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// A thread that waits for descriptors and deadlines; a process has one for each ``Purpose``.
///
/// Readiness is reported once for each request, on the thread of the reactor, so a handler must be short. The thread is
/// made with every signal blocked, so no handler of the host runs on it.
///
/// The corresponding man pages are `epoll(7)` and `pidfd_open(2)`.
final class Reactor: Sendable {
    /// What the threads of a process are for.
    ///
    /// What a job writes costs time, and a job can write all the time. Nobody's launch or end waits for that.
    enum Purpose: CaseIterable {
        /// Confirms launches, reaps, keeps deadlines.
        case jobs

        /// Reads and writes what jobs write and read.
        case streams

        /// Removes the cgroups of jobs that have ended. Whoever reads cgroups all the time holds a lock of the kernel that this
        /// needs, and the less of the processor he has the longer.
        case removals

        /// The kernel keeps 15 bytes.
        fileprivate var threadName: String {
            switch self {
            case .jobs: "impersonation"
            case .streams: "impersonation-s"
            case .removals: "impersonation-r"
            }
        }
    }

    /// What became of a request to wait.
    enum Outcome: Sendable {
        /// The descriptor has something to say.
        case ready

        /// The deadline passed first.
        case deadlineExceeded
    }

    /// A request to wait, to cancel it by.
    struct Ticket: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    /// What a descriptor is waited for.
    enum Interest: Sendable {
        /// Something can be read, or the other side is gone.
        case reading

        /// Something can be written, or the other side is gone.
        case writing

        /// The other side is gone. Data that arrives does not wake the thread.
        case hangup

        fileprivate var events: UInt32 {
            switch self {
            case .reading: UInt32(EPOLLIN.rawValue)
            case .writing: UInt32(EPOLLOUT.rawValue)
            case .hangup: 0
            }
        }
    }

    typealias Handler = @Sendable (Outcome) -> Void

    private struct Request {
        /// `nil` for an alarm.
        let descriptor: Int32?
        let handler: Handler
    }

    private struct State {
        var requests: [UInt64: Request] = [:]
        /// Deadlines in order; those of requests that are done are dropped when their turn comes, or when they are more than the others.
        var deadlines: [(instant: ContinuousClock.Instant, number: UInt64)] = []
        var nextNumber: UInt64 = 1
        /// When the thread looks at the deadlines again without being woken.
        var nextLook: ContinuousClock.Instant?
    }

    private static let wakeNumber: UInt64 = 0
    private static let eventsAtOnce = 64

    /// So many of requests that are done may be kept beside twice those that are not.
    private static let doneDeadlines = 64

    private let pollOwner: OwnedDescriptor
    private let wakeOwner: OwnedDescriptor
    private let poll: Int32
    private let wake: Int32
    private let purpose: Purpose
    private let state = Mutex(State())

    /// Creates a reactor and starts its thread.
    ///
    /// - Parameter purpose: What it is for, which names its thread.
    /// - Throws: `Errno` of `epoll_create1(2)`, `eventfd(2)` or `pthread_create(3)`.
    init(for purpose: Purpose = .jobs) throws(Errno) {
        self.purpose = purpose
        let poll = linux_epoll_create()
        guard poll >= 0 else { throw Errno(rawValue: -poll) }
        pollOwner = OwnedDescriptor(poll)
        let wake = linux_eventfd_create()
        guard wake >= 0 else { throw Errno(rawValue: -wake) }
        wakeOwner = OwnedDescriptor(wake)
        self.poll = poll
        self.wake = wake
        try Self.control(poll, EPOLL_CTL_ADD, wake, events: EPOLLIN.rawValue, number: Self.wakeNumber)
        try startThread()
    }

    private static let made = Mutex<[Purpose: Reactor]>([:])

    /// The reactor that the launchers of this process share, made when it is first needed.
    ///
    /// - Parameter purpose: What for.
    /// - Returns: The reactor.
    /// - Throws: `Errno` when it could not be made this time.
    static func shared(for purpose: Purpose = .jobs) throws(Errno) -> Reactor {
        try made.withLock { made throws(Errno) in
            if let reactor = made[purpose] { return reactor }
            let reactor = try Reactor(for: purpose)
            made[purpose] = reactor
            return reactor
        }
    }

    /// Waits once for a descriptor.
    ///
    /// - Parameters:
    ///   - descriptor: What to wait for. It has to stay open until the handler is called or the ticket is cancelled.
    ///   - interest: What it is waited for.
    ///   - deadline: When the waiting ends at the latest.
    ///   - handler: Called once, on the thread of the reactor, unless the ticket is cancelled first.
    /// - Returns: The ticket to cancel the request by.
    /// - Throws: `Errno` of `epoll_ctl(2)`; the handler is not called then.
    @discardableResult
    func wait(
        for descriptor: Int32,
        _ interest: Interest,
        until deadline: ContinuousClock.Instant? = nil,
        handler: @escaping Handler
    ) throws(Errno) -> Ticket {
        // Entered and armed in one step: an event that comes at once finds the request, and a deadline that passes at
        // once does not leave the descriptor armed for nobody.
        let (ticket, mustWake) = try state.withLock { state throws(Errno) in
            let number = state.nextNumber
            try Self.control(
                poll,
                EPOLL_CTL_ADD,
                descriptor,
                events: interest.events | EPOLLONESHOT.rawValue,
                number: number
            )
            return Self.enter(Request(descriptor: descriptor, handler: handler), until: deadline, in: &state)
        }
        if mustWake { wakeThread() }
        return ticket
    }

    /// Calls a handler at a moment.
    ///
    /// - Parameters:
    ///   - instant: The moment.
    ///   - handler: Called once, on the thread of the reactor, unless the ticket is cancelled first.
    /// - Returns: The ticket to cancel the alarm by.
    func alarm(at instant: ContinuousClock.Instant, handler: @escaping @Sendable () -> Void) -> Ticket {
        let (ticket, mustWake) = state.withLock { state in
            Self.enter(Request(descriptor: nil, handler: { _ in handler() }), until: instant, in: &state)
        }
        if mustWake { wakeThread() }
        return ticket
    }

    /// Enters a request.
    ///
    /// - Returns: Its ticket, and whether the thread sleeps past its deadline.
    private static func enter(
        _ request: Request,
        until deadline: ContinuousClock.Instant?,
        in state: inout State
    ) -> (Ticket, Bool) {
        let number = state.nextNumber
        state.nextNumber += 1
        state.requests[number] = request
        guard let deadline else { return (Ticket(number: number), false) }
        let index = state.deadlines.lastIndex { $0.instant <= deadline }.map { $0 + 1 } ?? 0
        state.deadlines.insert((deadline, number), at: index)
        let sleepsTooLong = state.nextLook.map { deadline < $0 } ?? true
        if sleepsTooLong { state.nextLook = deadline }
        return (Ticket(number: number), sleepsTooLong)
    }

    /// Takes a request off the list and its descriptor out of the set, in one step.
    ///
    /// Whoever finds a request gone may close its descriptor at once; taken out later, the number could already stand for
    /// another descriptor that somebody waits for.
    ///
    /// - Returns: The request, when it was still there.
    private func take(_ number: UInt64, from state: inout State) -> Request? {
        guard let request = state.requests.removeValue(forKey: number) else { return nil }
        if state.deadlines.count > 2 * state.requests.count + Self.doneDeadlines {
            state.deadlines.removeAll { state.requests[$0.number] == nil }
        }
        if let descriptor = request.descriptor {
            try? Self.control(poll, EPOLL_CTL_DEL, descriptor, events: 0, number: 0)
        }
        return request
    }

    /// Gives a request up.
    ///
    /// - Parameter ticket: The request.
    /// - Returns: Whether the handler will not be called. When it is `false`, it has been called or is being called.
    @discardableResult
    func cancel(_ ticket: Ticket) -> Bool {
        state.withLock { take(ticket.number, from: &$0) } != nil
    }

    private static func control(
        _ poll: Int32,
        _ operation: Int32,
        _ descriptor: Int32,
        events: UInt32,
        number: UInt64
    ) throws(Errno) {
        let result = linux_epoll_control(poll, operation, descriptor, events, number)
        guard result == 0 else { throw Errno(rawValue: -result) }
    }

    private func wakeThread() {
        var one: UInt64 = 1
        _ = unsafe write(wake, &one, MemoryLayout<UInt64>.size)
    }

    private func startThread() throws(Errno) {
        var all = sigset_t()
        var former = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &former)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &former, nil) }
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        let result = unsafe pthread_create(
            &thread,
            nil,
            { context in
                guard let context = unsafe context else { return nil }
                let reactor = unsafe Unmanaged<Reactor>.fromOpaque(context).takeRetainedValue()
                unsafe linux_thread_name(reactor.purpose.threadName)
                reactor.run()
            },
            context
        )
        guard result == 0 else {
            unsafe Unmanaged<Reactor>.fromOpaque(context).release()
            throw Errno(rawValue: result)
        }
        pthread_detach(thread)
    }

    private func run() -> Never {
        var numbers = [UInt64](repeating: 0, count: Self.eventsAtOnce)
        while true {
            let timeout = timeToNextDeadline()
            let count = unsafe numbers.withUnsafeMutableBufferPointer { buffer in
                unsafe linux_epoll_wait(poll, buffer.baseAddress, Int32(buffer.count), timeout)
            }
            for number in numbers.prefix(Int(max(count, 0))) { dispatch(number) }
            expireDeadlines()
        }
    }

    private func dispatch(_ number: UInt64) {
        guard number != Self.wakeNumber else {
            var counter: UInt64 = 0
            _ = unsafe read(wake, &counter, MemoryLayout<UInt64>.size)
            return
        }
        state.withLock { take(number, from: &$0) }?.handler(.ready)
    }

    private func expireDeadlines() {
        let now = ContinuousClock.now
        let expired = state.withLock { state -> [Request] in
            let due = state.deadlines.prefix { $0.instant <= now }
            state.deadlines.removeFirst(due.count)
            return due.compactMap { take($0.number, from: &state) }
        }
        for request in expired { request.handler(.deadlineExceeded) }
    }

    /// In milliseconds, rounded up so that the thread does not turn idly just before a deadline; -1 without one.
    private func timeToNextDeadline() -> Int32 {
        state.withLock { state in
            while let first = state.deadlines.first, state.requests[first.number] == nil {
                state.deadlines.removeFirst()
            }
            state.nextLook = state.deadlines.first?.instant
            guard let next = state.nextLook else { return -1 }
            let (seconds, attoseconds) = (next - ContinuousClock.now).components
            guard seconds >= 0, attoseconds >= 0 else { return 0 }
            guard seconds < 86_400 else { return 86_400_000 }
            return Int32(seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1)
        }
    }
}
