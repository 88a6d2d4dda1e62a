import Glibc

/// Waits for several descriptors at once (`poll(2)`).
enum Waiting {
    /// Waits until one of the descriptors can be read or its other side is gone.
    ///
    /// - Parameters:
    ///   - descriptors: What is waited for; -1 for nothing.
    ///   - quiet: One of them of which only the end counts, not what it has to say before.
    ///   - deadline: When the waiting ends at the latest; `nil` for never.
    /// - Returns: Which of them, by their place in the list; none when the time is up.
    static func wait(
        for descriptors: [Int32],
        endOf quiet: Int32? = nil,
        until deadline: ContinuousClock.Instant?
    ) -> Set<Int> {
        var events = descriptors.map { pollfd(fd: $0, events: $0 == quiet ? 0 : Int16(POLLIN), revents: 0) }
        while true {
            let count = unsafe poll(&events, nfds_t(events.count), deadline.map(milliseconds) ?? -1)
            if count > 0 { return Set(events.indices.filter { events[$0].revents != 0 }) }
            if count == 0, let deadline, ContinuousClock.now >= deadline { return [] }
            if count < 0, errno != EINTR { return [] }
        }
    }

    /// Whether the other side of a socket is gone.
    static func isGone(_ descriptor: Int32) -> Bool {
        var event = pollfd(fd: descriptor, events: 0, revents: 0)
        return unsafe poll(&event, 1, 0) > 0
    }

    /// Rounded up: a wait that comes back too early would go round and round.
    private static func milliseconds(until deadline: ContinuousClock.Instant) -> Int32 {
        let left = (deadline - .now).components
        guard left.seconds >= 0, left.attoseconds >= 0 else { return 0 }
        return Int32(clamping: left.seconds * 1_000 + left.attoseconds / 1_000_000_000_000_000 + 1)
    }
}
