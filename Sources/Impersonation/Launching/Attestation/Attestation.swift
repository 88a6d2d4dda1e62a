/// Who besides the child itself has said that a started job is what it was to become.
///
/// The child reads its ids back before the job runs. The daemon then looks from outside: at the real, effective, saved and file
/// system ids of user and group, and where the job has a cgroup, at that. A difference is an error of the launch with the step
/// ``LaunchStep/verifyOutside``, and the job is killed; so a report never says one thing and the kernel another.
public enum Attestation: Sendable, Hashable {
    /// The kernel, asked by the descriptor of the process (`PIDFD_GET_INFO` of `ioctl_pidfd(2)`, Linux 6.13).
    case kernel

    /// The kernel, by the files of `/proc` (`proc_pid_status(5)`); the process id was the job's own while they were read.
    ///
    /// In direct mode always, and with the supplementary groups and the capabilities; behind the system helper also where the daemon
    /// does not see the cgroup of the job, which only its name in `/proc` tells then.
    case procfs

    /// Nobody, because of this.
    case none(Gap)

    /// Why nobody has said it.
    public enum Gap: String, Sendable, Hashable, CaseIterable {
        /// The job had ended, and was reaped by the kernel because the daemon ignores `SIGCHLD`: nothing was left to look at.
        case jobHasEnded

        /// The job may gain privileges (``Command/noNewPrivileges``) and so be somebody else by right.
        case jobMayGainPrivileges

        /// The kernel, or a filter of system calls, does not let it be asked, and ``AttestationPolicy/whenTheKernelOffersIt``
        /// leaves it at that.
        case kernelDoesNotTell

        /// Neither the kernel nor `/proc` let themselves be asked; `hidepid` of `proc(5)` does that to a daemon that is not root,
        /// and another pid namespace, in which the system helper is, to every daemon.
        case unreadable

        /// The launcher does not look.
        case notAskedFor
    }
}

extension Attestation: CustomStringConvertible {
    /// The source, or the reason for none, as reports and logs spell it.
    public var description: String {
        switch self {
        case .kernel: "kernel"
        case .procfs: "procfs"
        case .none(let gap): "none (\(gap.rawValue))"
        }
    }
}
