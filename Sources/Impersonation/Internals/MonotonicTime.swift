import Glibc

/// A point in time on `CLOCK_MONOTONIC`, in nanoseconds.
struct MonotonicTime: Sendable, Comparable {
    private let nanoseconds: UInt64

    private init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The present.
    static var now: MonotonicTime {
        var time = Glibc.timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    /// The time as `pthread_cond_timedwait(3)` takes it.
    var timespec: Glibc.timespec {
        Glibc.timespec(
            tv_sec: Int(nanoseconds / 1_000_000_000),
            tv_nsec: Int(nanoseconds % 1_000_000_000)
        )
    }

    /// The time a while later; a duration of centuries ends within one, a negative one at once.
    static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
        guard duration > .zero else { return time }
        let (seconds, attoseconds) = min(duration, .seconds(1_000_000_000)).components
        return MonotonicTime(
            nanoseconds: time.nanoseconds + UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        )
    }

    /// How long it is until then; nothing when that has passed.
    var remaining: Duration {
        let now = MonotonicTime.now.nanoseconds
        return nanoseconds > now ? .nanoseconds(Int64(clamping: nanoseconds - now)) : .zero
    }

    static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}
