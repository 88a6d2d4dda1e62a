import LaunchPlan
public import SystemPackage

/// Precedence of a daemon over the jobs it starts, for the processor.
///
/// Linux shares the processor among sessions as wholes (autogroups, `sched(7)`), and each job has a session of its own: however
/// many threads a daemon has, together they get as much as one job, and an account with many jobs delays the launches of all
/// others. ``take()`` gives the daemon's session ten times the weight of a job's. Jobs do not inherit it.
///
/// It counts for processes outside cgroups with a share of their own. Where a service manager has put the daemon into one, the
/// manager's setting counts (`CPUWeight=` of systemd), and ``ControlGroups/belowThisProcess(leavingFor:takingPrecedence:)`` gives the
/// daemon the greatest weight against its jobs.
public enum DaemonPrecedence: Hashable, Sendable {
    /// The session of this process has ten times the weight of an ordinary one from now on.
    case taken

    /// Nothing was changed: other processes could be in the session, since this process has not made it (`setsid(2)`).
    case sharesSession

    /// Nothing was changed: this kernel, or its setting `kernel.sched_autogroup_enabled`, shares the processor among
    /// processes and cgroups, not among sessions.
    case notOffered

    /// The kernel has refused it, with `EPERM` for want of `CAP_SYS_NICE` or `RLIMIT_NICE`, or with `EAGAIN` as long as others change
    /// the weight of their sessions all the time.
    case refused(Errno)

    /// Takes precedence for the session of this process.
    ///
    /// Call it once when the daemon starts. It changes the share of the whole process, and of all others in its session, which is
    /// why the library never does it unasked, but only for a process that leads its session, as a service does.
    /// `/proc/self/autogroup` shows and changes it. Without `CAP_SYS_NICE`, a limit `RLIMIT_NICE` of 30 permits it (`LimitNICE=-10` of a
    /// systemd unit); jobs inherit that limit then and may raise their own priority, so set it to 0 afterwards (`setrlimit(2)`).
    /// Without `CAP_SYS_ADMIN` it may block for a second, and compute, while others change the weight of theirs.
    ///
    /// - Returns: What came of it. A daemon without precedence works as well as one with it, and waits longer for the processor.
    @discardableResult
    public static func take() -> DaemonPrecedence {
        switch SessionPrecedence.take() {
        case .taken: .taken
        case .sharesSession: .sharesSession
        case .notOffered: .notOffered
        case .refused(let error): .refused(error)
        }
    }
}

extension DaemonPrecedence: CustomStringConvertible {
    /// What came of it, in words for a log.
    public var description: String {
        switch self {
        case .taken: "the daemon has precedence over its jobs"
        case .sharesSession: "no precedence over jobs: the daemon does not lead its session (setsid)"
        case .notOffered: "no precedence over jobs: kernel.sched_autogroup_enabled is off"
        case .refused(let error):
            "no precedence over jobs: \(error) for /proc/self/autogroup; it takes CAP_SYS_NICE or RLIMIT_NICE"
        }
    }
}
