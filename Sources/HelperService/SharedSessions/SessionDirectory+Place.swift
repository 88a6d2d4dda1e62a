extension SessionDirectory {
    /// What is the matter with a place.
    enum State: UInt64 {
        case free = 0
        case opening
        case open
        case closing
        /// Nobody keeps it any more; what is on its way is being taken.
        case draining
        /// It is open, but somebody has waited in vain for the job that is on its way to be taken.
        case stalled
        /// It is open for the job that is on its way, and for no other one: it is to be closed.
        case retiring
        /// It is being opened, and somebody has waited in vain for that.
        case openingSlowly

        /// Whether somebody may take a job there.
        var takesJobs: Bool { self == .open || self == .stalled || self == .retiring }
    }

    /// One place: the process that keeps the session, the one that has a job on its way there, and the state.
    ///
    /// Process ids have 22 bits at most (`PID_MAX_LIMIT`).
    struct Place {
        var keeper: Int32
        var announcer: Int32
        /// Another one after each change, in the half that is waited for.
        var turn: UInt64
        var state: State

        private static let processMask: UInt64 = 0x3F_FFFF
        private static let turnMask: UInt64 = 0x1_FFFF

        init(_ word: UInt64) {
            keeper = Int32(truncatingIfNeeded: word >> 42 & Self.processMask)
            announcer = Int32(truncatingIfNeeded: word >> 20 & Self.processMask)
            turn = word >> 3 & Self.turnMask
            state = State(rawValue: word & 7) ?? .free
        }

        init(_ state: State, keeper: Int32, announcer: Int32 = 0) {
            (self.state, self.keeper, self.announcer, turn) = (state, keeper, announcer, 0)
        }

        var word: UInt64 {
            UInt64(UInt32(bitPattern: keeper)) << 42 | UInt64(UInt32(bitPattern: announcer)) << 20
                | (turn & Self.turnMask) << 3 | state.rawValue
        }

        /// The same with no job on its way: whoever has taken it does not stand still.
        var withoutJob: Place { Place(state == .stalled ? .open : state, keeper: keeper) }

        /// Whether the same job is on its way that was when it was another one: somebody has found meanwhile that it stands still,
        /// or is to be closed, or both.
        func hasJob(of other: Place) -> Bool {
            guard keeper == other.keeper, announcer == other.announcer else { return false }
            let changes = (turn &- other.turn) & Self.turnMask
            // To take a job back and announce another one are two changes, and lead to an open one.
            return switch state {
            case .stalled: other.state == .open && changes == 1
            case .retiring: other.state == .stalled && changes == 1 || other.state == .open && (1...2).contains(changes)
            case .free, .opening, .openingSlowly, .open, .closing, .draining: false
            }
        }
    }
}
