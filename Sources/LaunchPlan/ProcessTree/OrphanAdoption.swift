import Glibc

/// What a process is given of the one job that it looks after: whoever of it has lost its parent
/// (`PR_SET_CHILD_SUBREAPER` of `prctl(2)`).
///
/// A process that leaves the session of the job, and whose parent has ended, is a child of this one then, however often that was
/// done; so it is found.
package struct OrphanAdoption: Sendable {
    /// The process that is given them.
    private let adopter: Int32

    /// Describes what a process is given.
    ///
    /// - Parameter adopter: The process, which had no children before the job.
    package init(by adopter: Int32) { self.adopter = adopter }

    /// Those who have lost their parent.
    ///
    /// - Parameters:
    ///   - leader: The first process of the job, which is a child as well; `nil` once its number may be another one's.
    ///   - all: Everybody.
    /// - Returns: They.
    func orphans(but leader: Int32?, among all: [SessionScan.Entry]) -> Set<SessionScan.Member> {
        // Nothing gets into a session that it has not begun or inherited: in this process's own are its own children.
        let own = getsid(0)
        return Set(
            all.filter { $0.parent == adopter && $0.session != own && $0.member.process != leader }.map(\.member)
        )
    }
}
