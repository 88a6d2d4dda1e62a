import CHelperService
import Faults
import Glibc
import Testing

/// What the helper's process for a job kills of its own children.
@Suite("A child that is killed as an orphan of a job")
struct OrphanEndTests {
    // A list of children is read in pieces, and each one that is reaped moves those behind it up.
    @Test("is every one, however many have ended before it", arguments: [0, 1, 100, 700, 4_000])
    func behindDead(_ count: Int32) {
        #expect(orphan_trial_behind_dead(count) { helper_kill_orphans($0) } == 0)
    }

    @Test("is none of the session of who looks after the job, nor the job itself")
    func sessions() {
        #expect(orphan_trial_sessions { helper_kill_orphans($0) } == 0)
    }

    @Test("is not taken for none by who can open nothing, and so cannot look")
    func withoutDescriptors() {
        #expect(orphan_trial_no_descriptors { helper_kill_orphans($0) } == 0)
    }

    @Test("is nobody else who has the number of one outside of a namespace", .testBed)
    func foreignNumbers() {
        #expect(orphan_trial_foreign_numbers { helper_kill_orphans($0) } == 0)
    }
}
