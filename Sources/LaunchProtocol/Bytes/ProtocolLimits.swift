import CLaunchPlan
import Glibc

/// The most that a frame, a field and a list may have.
///
/// Each is what the kernel would refuse anyway, or far above what a job has: they keep a hostile peer from making the
/// other side allocate, not an honest one from launching.
package enum ProtocolLimits {
    /// A frame with its header, in bytes.
    package static let frameSize = 64 * 1024

    /// A launch in a memory file, in bytes.
    package static let largeLaunchSize = 8 * 1024 * 1024

    /// The extra descriptors of a job.
    package static let extraDescriptors = Int(LAUNCH_EXTRA_DESCRIPTORS_MAXIMUM)

    /// The descriptors of a frame: a memory file, the standard streams, the extra ones, a password.
    package static let descriptors = 1 + 3 + extraDescriptors + 1

    /// Supplementary groups (`NGROUPS_MAX`, `getgroups(2)`).
    static let groups = 65_536

    /// Places in a search path.
    static let executables = 256

    /// Arguments and environment variables together.
    ///
    /// The kernel takes 6 MiB of both, in which each one has a pointer and a zero byte (`bprm_stack_limits` of
    /// `fs/exec.c`): fewer than 700,000 of them.
    static let strings = 700_000

    /// One argument or environment variable without the zero byte behind it (`MAX_ARG_STRLEN`, `execve(2)`).
    static let stringLength = 32 * 4096 - 1

    /// A path without the zero byte behind it.
    static let pathLength = Int(PATH_MAX) - 1

    /// The name of an account with its domain.
    static let accountLength = 512

    /// Kinds of resource limits (`RLIM_NLIMITS`, `getrlimit(2)`).
    static let resources = 16

    /// A message to a person.
    static let messageLength = 16 * 1024

    /// A stable code.
    static let codeLength = 64

    /// Messages of the modules of a session.
    static let sessionMessages = 64
}
