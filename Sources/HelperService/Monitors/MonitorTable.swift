import CHelperService
import Glibc

/// What each process of the helper is doing, in memory that they share: one word for each.
///
/// A process writes its own word only, and reads those of the others to count them.
@safe
package struct MonitorTable: Sendable {
    /// What a process is doing.
    package enum State: Hashable, Sendable {
        /// There is none.
        case free

        /// It waits for a daemon.
        case parked

        /// It looks who has connected, or sends him away: none that waits any more, and nobody's job.
        case greeting

        /// It waits for what a job of this user id's daemon has left behind.
        case leaving(UInt32)

        /// It remembers how a job of this user id's daemon has ended, until a daemon asks.
        case remembering(UInt32)

        /// It serves a daemon of this user id.
        case serving(UInt32)

        /// It looks after a job that outlives its daemon, and itself outlives the process that forked it.
        case keeping(UInt32)
    }

    package let capacity: Int
    private nonisolated(unsafe) let words: UnsafeMutablePointer<UInt64>

    private static let parked: UInt64 = 1 << 32
    private static let serving: UInt64 = 2 << 32
    private static let keeping: UInt64 = 3 << 32
    private static let greeting: UInt64 = 4 << 32
    private static let leaving: UInt64 = 5 << 32
    private static let remembering: UInt64 = 6 << 32

    /// How many complaints about strangers there may be in a second.
    private static let complaints: UInt64 = 10

    /// Makes a table for as many processes as there may be; there is none without memory.
    ///
    /// - Parameter capacity: How many.
    package init?(capacity: Int) {
        guard let words = unsafe helper_table_create(capacity + 1) else { return nil }
        self.capacity = capacity
        unsafe self.words = words
    }

    package subscript(index: Int) -> State {
        get {
            let word = unsafe helper_table_get(words, index)
            return switch word >> 32 {
            case 1: .parked
            case 2: .serving(UInt32(truncatingIfNeeded: word))
            case 3: .keeping(UInt32(truncatingIfNeeded: word))
            case 4: .greeting
            case 5: .leaving(UInt32(truncatingIfNeeded: word))
            case 6: .remembering(UInt32(truncatingIfNeeded: word))
            default: .free
            }
        }
        nonmutating set {
            let word: UInt64 =
                switch newValue {
                case .free: 0
                case .parked: Self.parked
                case .greeting: Self.greeting
                case .leaving(let user): Self.leaving | UInt64(user)
                case .remembering(let user): Self.remembering | UInt64(user)
                case .serving(let user): Self.serving | UInt64(user)
                case .keeping(let user): Self.keeping | UInt64(user)
                }
            unsafe helper_table_set(words, index, word)
        }
    }

    /// What processes have to do with daemons, in numbers.
    package struct Load: Hashable, Sendable {
        package var jobs = 0
        /// What jobs that have ended have left behind.
        package var remainders = 0
        /// Ends that nobody has asked for yet.
        package var ends = 0
    }

    /// How many jobs there are: of all daemons, and of those of one user.
    ///
    /// - Parameter user: The user id.
    /// - Returns: The numbers. Processes that come to serve at the same time count each other, so a limit is never exceeded,
    ///   but may be met a moment too early.
    package func load(of user: UInt32) -> (all: Load, ofTheUser: Load) {
        var all = Load()
        var own = Load()
        for index in 0..<capacity {
            switch self[index] {
            case .free, .parked, .greeting: break
            case .serving(let each), .keeping(let each):
                all.jobs += 1
                if each == user { own.jobs += 1 }
            case .leaving(let each):
                all.remainders += 1
                if each == user { own.remainders += 1 }
            case .remembering(let each):
                all.ends += 1
                if each == user { own.ends += 1 }
            }
        }
        return (all, own)
    }

    /// How many processes wait for a daemon.
    package var parkedCount: Int { (0..<capacity).count { self[$0] == .parked } }

    /// Whether the log has room for one more line about somebody who has no business here.
    ///
    /// One more word counts them; processes that count at the same time may pass one or two too many.
    package func mayComplain() -> Bool {
        let second = UInt64(time(nil)) << 32
        let word = unsafe helper_table_get(words, capacity)
        let count = word & ~UInt64(UInt32.max) == second ? (word & UInt64(UInt32.max)) + 1 : 1
        unsafe helper_table_set(words, capacity, second | count)
        return count <= Self.complaints
    }

    /// A word that nobody uses.
    package var firstFree: Int? { (0..<capacity).first { self[$0] == .free } }
}
