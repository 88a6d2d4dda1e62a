import Glibc

/// The clock of every row: `CLOCK_MONOTONIC`, read without a system call.
enum MonotonicClock {
    /// Nanoseconds since some moment of the past.
    static var nanoseconds: UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
