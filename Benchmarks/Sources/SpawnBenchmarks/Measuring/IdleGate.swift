import Glibc

/// Waits before each round until nobody else uses the machine.
struct IdleGate {
    /// How long one look takes in microseconds; the kernel counts in hundredths of a second.
    private static let window: UInt32 = 100_000

    /// How many looks one round may take.
    private static let looks = 10

    /// The share of the machine's time that others may use.
    static let permittedShare = 0.10

    /// How many rounds began on an idle machine.
    private(set) var opened = 0

    /// How many rounds began although the machine was busy all the time the gate may wait.
    private(set) var gaveUp = 0

    /// Waits until the machine is idle, or for a second at most.
    mutating func pass() throws {
        for _ in 0..<Self.looks {
            let before = try ProcessorTime.now()
            usleep(Self.window)
            guard try ProcessorTime.now().busyShare(since: before) > Self.permittedShare else {
                opened += 1
                return
            }
        }
        gaveUp += 1
    }
}
