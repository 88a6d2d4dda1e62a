/// What a daemon answers; one line of JSON.
enum DaemonReply: Codable, Sendable {
    /// The daemon has grown to its size and is waiting for requests.
    case ready(residentBytes: Int)

    /// The row is ready.
    case prepared

    /// The row was measured.
    case timings([SpawnTiming])

    /// The row could not do it.
    case failed(String)

    /// The row did not come back; the daemon has killed its child and will not be asked for the row again.
    case hung(seconds: Int)
}
