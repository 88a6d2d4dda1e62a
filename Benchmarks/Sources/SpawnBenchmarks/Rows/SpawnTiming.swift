/// How long one launch took.
struct SpawnTiming: Codable, Hashable, Sendable {
    /// Nanoseconds until the call that launches was back.
    let returned: UInt64

    /// Nanoseconds until the exit status was there.
    let reaped: UInt64

    /// Creates a timing from three readings of ``MonotonicClock``.
    init(begin: UInt64, returned: UInt64, reaped: UInt64) {
        self.returned = returned - begin
        self.reaped = reaped - begin
    }
}
