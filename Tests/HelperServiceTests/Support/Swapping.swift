import Glibc
import Synchronization

/// Runs an attack in a thread of its own while something is looked at again and again.
enum Swapping {
    /// What a look came to.
    enum Outcome {
        case clean
        case refused
        case wrong
    }

    /// How many looks came to what.
    struct Counts {
        var clean = 0
        var refused = 0
        var wrong = 0
    }

    /// The attack and its end, for the thread.
    private final class Attack: @unchecked Sendable {
        let isOver = Atomic(false)
        let isSeen = Atomic(false)
        let rounds: Int
        let step: (Int) -> Void

        init(rounds: Int, step: @escaping (Int) -> Void) {
            self.rounds = rounds
            self.step = step
        }
    }

    /// Attacks for a number of rounds, and for more until both a clean look and a refused one were seen.
    ///
    /// A look takes longer than a swap: without a rest between the rounds, now longer and now shorter, a machine of
    /// few processors may find no time at all in which what is right lies there.
    ///
    /// - Returns: What the looks came to meanwhile. A minute without a look of either kind ends it, too.
    static func count(
        rounds: Int,
        attack step: (Int) -> Void,
        meanwhile look: () -> Outcome
    ) -> Counts {
        withoutActuallyEscaping(step) { step in
            let attack = Attack(rounds: rounds, step: step)
            var thread = pthread_t()
            let started = unsafe pthread_create(
                &thread,
                nil,
                { argument in
                    guard let argument = unsafe argument else { return nil }
                    let attack = unsafe Unmanaged<Attack>.fromOpaque(argument).takeUnretainedValue()
                    let patience = ContinuousClock.now + .seconds(60)
                    var round = 0
                    while round < attack.rounds
                        || !attack.isSeen.load(ordering: .acquiring) && ContinuousClock.now < patience
                    {
                        attack.step(round)
                        usleep(UInt32(round % 8) * 50)
                        round += 1
                    }
                    attack.isOver.store(true, ordering: .releasing)
                    return nil
                },
                Unmanaged.passUnretained(attack).toOpaque()
            )
            var counts = Counts()
            guard started == 0 else { return counts }
            while !attack.isOver.load(ordering: .acquiring) {
                switch look() {
                case .clean: counts.clean += 1
                case .refused: counts.refused += 1
                case .wrong: counts.wrong += 1
                }
                if counts.clean > 0, counts.refused > 0 { attack.isSeen.store(true, ordering: .releasing) }
            }
            pthread_join(thread, nil)
            return counts
        }
    }
}
