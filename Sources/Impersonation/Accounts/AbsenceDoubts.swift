import Synchronization

/// Asks a directory why an account that it says it has not may be there, no oftener than it takes to know.
///
/// A reason is remembered: an account that is found meanwhile is found all the same. That there is none is not, nor is it taken from a
/// question that was on its way before: an absence is worth what the directory says of itself *afterwards*.
final class AbsenceDoubts: Sendable {
    private typealias Question = Task<[String], Never>

    private struct State {
        /// The reasons, and until when they are remembered.
        var known: (reasons: [String], end: ContinuousClock.Instant)?

        /// The question that has begun last; it may have its answer.
        var begun: Question?

        /// The question that begins after that, and that whoever comes until then waits for.
        var next: Question?

        /// How often everything was forgotten: what was asked before is not remembered.
        var generation = 0
    }

    private let state = Mutex(State())
    private let directory: any AccountDirectory
    private let timeToLive: Duration
    private let now: @Sendable () -> ContinuousClock.Instant

    /// - Parameters:
    ///   - directory: Who is asked.
    ///   - timeToLive: How long a reason is remembered, from when it was asked for.
    ///   - now: The clock.
    init(
        of directory: any AccountDirectory,
        timeToLive: Duration,
        now: @escaping @Sendable () -> ContinuousClock.Instant
    ) {
        self.directory = directory
        self.timeToLive = timeToLive
        self.now = now
    }

    /// What is known, or what the directory says to a question that begins after this was called.
    func reasons() async -> [String] {
        let now = now()
        enum Step {
            case known([String])
            case wait(Question)
        }
        let step = state.withLock { state -> Step in
            if let known = state.known, now < known.end { return .known(known.reasons) }
            if let next = state.next { return .wait(next) }
            let next = Question { [begun = state.begun] in
                _ = await begun?.value
                return await self.ask()
            }
            state.next = next
            return .wait(next)
        }
        switch step {
        case .known(let reasons): return reasons
        case .wait(let question): return await question.value
        }
    }

    /// Forgets what is known.
    func forget() {
        state.withLock { state in
            state.known = nil
            state.generation += 1
        }
    }

    private func ask() async -> [String] {
        let began = now()
        let generation = state.withLock { state in
            state.begun = state.next
            state.next = nil
            return state.generation
        }
        let reasons = await directory.reasonsToDoubtAbsence()
        state.withLock { state in
            guard !reasons.isEmpty, generation == state.generation else { return }
            state.known = (reasons, began + timeToLive)
        }
        return reasons
    }
}
