import CHelperService
import Glibc

/// What each process of the helper is doing, in memory that they share: one word for each.
///
/// A process writes its own word only, and reads those of the others to count them. Each word has an owner: the process that sets
/// it free when it ends, or whose end does. A process may hand its word to another one with what it is doing.
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

        /// It keeps a session of PAM open for jobs of this user id's daemon, which others look after.
        case holding(UInt32)
    }

    package let capacity: Int
    private nonisolated(unsafe) let words: UnsafeMutablePointer<UInt64>
    private nonisolated(unsafe) let owners: UnsafeMutablePointer<UInt64>

    private static let parked: UInt64 = 1 << 32
    private static let serving: UInt64 = 2 << 32
    private static let keeping: UInt64 = 3 << 32
    private static let greeting: UInt64 = 4 << 32
    private static let leaving: UInt64 = 5 << 32
    private static let remembering: UInt64 = 6 << 32
    private static let holding: UInt64 = 7 << 32

    /// How many complaints about strangers there may be in a second.
    private static let complaints: UInt64 = 10

    /// Makes a table for as many processes as there may be; there is none without memory.
    ///
    /// - Parameter capacity: How many.
    package init?(capacity: Int) {
        guard let words = unsafe helper_table_create(capacity + 1), let owners = unsafe helper_table_create(capacity)
        else { return nil }
        self.capacity = capacity
        unsafe self.words = words
        unsafe self.owners = owners
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
            case 7: .holding(UInt32(truncatingIfNeeded: word))
            default: .free
            }
        }
        nonmutating set {
            unsafe helper_table_set(words, index, Self.word(newValue))
        }
    }

    static func word(_ process: Int32) -> UInt64 { UInt64(UInt32(bitPattern: process)) }

    private static func word(_ state: State) -> UInt64 {
        switch state {
        case .free: 0
        case .parked: parked
        case .greeting: greeting
        case .leaving(let user): leaving | UInt64(user)
        case .remembering(let user): remembering | UInt64(user)
        case .serving(let user): serving | UInt64(user)
        case .keeping(let user): keeping | UInt64(user)
        case .holding(let user): holding | UInt64(user)
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
            case .free, .parked, .greeting, .holding: break
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

    /// Whether there is a word that nobody uses.
    package var hasRoom: Bool { (0..<capacity).contains { self[$0] == .free } }

    /// Takes a word that nobody uses.
    ///
    /// - Parameters:
    ///   - state: What it is to say.
    ///   - process: Its owner; 0 for a process that is still to be made, and takes it itself.
    /// - Returns: Which word it is; `nil` when all are in use.
    package func claim(_ state: State, for process: Int32) -> Int? {
        for index in 0..<capacity where self[index] == .free {
            guard unsafe helper_table_exchange(words, index, 0, Self.word(state)) == 1 else { continue }
            unsafe helper_table_set(owners, index, Self.word(process))
            return index
        }
        return nil
    }

    /// The process that answers for a word; 0 before it has taken it, -1 for nobody.
    package func owner(of index: Int) -> Int32 { Int32(truncatingIfNeeded: ownerWord(of: index)) }

    /// The owner of a word, and behind it the number of the offer that it makes of it.
    func ownerWord(of index: Int) -> UInt64 { unsafe helper_table_get(owners, index) }

    /// Changes the owner of a word, if it is the one that is expected.
    func exchangeOwner(of index: Int, _ expected: UInt64, _ new: UInt64) -> Bool {
        guard (0..<capacity).contains(index) else { return false }
        return unsafe helper_table_exchange(owners, index, expected, new) == 1
    }

    /// Sets a word free, if a process answers for it.
    ///
    /// - Parameters:
    ///   - index: The word.
    ///   - process: The process.
    /// - Returns: Whether it did.
    @discardableResult
    package func free(_ index: Int, of process: Int32) -> Bool {
        // The owner first: whoever claims the word next finds nobody's.
        guard hand(index, from: process, to: -1) else { return false }
        self[index] = .free
        return true
    }

    /// Hands a word to another process, whatever offer there is of it.
    ///
    /// - Parameters:
    ///   - index: The word.
    ///   - giver: Whose it is.
    ///   - taker: Whose it is to be.
    /// - Returns: Whether it was the giver's.
    package func hand(_ index: Int, from giver: Int32, to taker: Int32) -> Bool {
        guard (0..<capacity).contains(index) else { return false }
        let word = ownerWord(of: index)
        return Int32(truncatingIfNeeded: word) == giver && exchangeOwner(of: index, word, Self.word(taker))
    }

    /// All that answer for words in use.
    package var answerers: Set<Int32> {
        Set((0..<capacity).filter { self[$0] != .free }.map { owner(of: $0) }.filter { $0 > 0 })
    }

    /// Says what a process is doing, if the word is its own.
    ///
    /// - Parameters:
    ///   - index: The word.
    ///   - process: The process.
    ///   - state: What it is doing.
    func change(_ index: Int, of process: Int32, to state: State) {
        if owner(of: index) == process { self[index] = state }
    }

    /// How many of some processes serve daemons of a user.
    func count(of processes: Set<Int32>, serving user: UInt32) -> Int {
        Set((0..<capacity).filter { self[$0].userID == user }.map { owner(of: $0) }).intersection(processes).count
    }

    /// The words in use that a process answers for.
    package func words(of process: Int32) -> [Int] {
        (0..<capacity).filter { owner(of: $0) == process && self[$0] != .free }
    }
}

extension MonitorTable.State {
    /// Whether it is a process that keeps a session for jobs of others.
    var keepsSession: Bool {
        if case .holding = self { true } else { false }
    }

    /// Whose daemon it is for.
    var userID: UInt32? {
        switch self {
        case .free, .parked, .greeting: nil
        case .leaving(let user), .remembering(let user), .serving(let user), .keeping(let user), .holding(let user):
            user
        }
    }

    /// Whether there is a job, or what is left of one.
    var hasJob: Bool {
        switch self {
        case .serving, .keeping, .leaving, .remembering: true
        case .free, .parked, .greeting, .holding: false
        }
    }
}
