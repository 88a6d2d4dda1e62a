import CLaunchPlan
import Glibc
import SystemPackage

/// What the daemon has, as far as a job must not get it or a plan depends on it.
struct DaemonFacts {
    var userID: UserID
    var groupID: GroupID
    var limits: ResourceLimits
    var isProtectedFromOutOfMemory: Bool
    /// Whether `PR_CAPBSET_DROP` is permitted (`CAP_SETPCAP`).
    var mayEmptyBoundingSet: Bool

    /// Whether this process has exactly the ids of an account that is not the superuser's, so that nothing needs a switch.
    ///
    /// - Parameter account: The account.
    /// - Returns: Whether the real and effective ids are the account's. The groups are left to the proof in the child.
    func isOrdinaryAccount(_ account: Account) -> Bool {
        userID.rawValue != 0 && userID == account.userID && groupID == account.groupID
            && getuid() == userID.rawValue && getgid() == groupID.rawValue
    }

    private static let setPrivilegedCapabilities: UInt32 = 8

    /// What a trampoline may need: `CAP_SETGID`, `CAP_SETUID`, `CAP_SETPCAP`, `CAP_SYS_NICE`, `CAP_SYS_RESOURCE`.
    static let capabilitiesOfTheSwitch: UInt64 = 1 << 6 | 1 << 7 | 1 << 8 | 1 << 23 | 1 << 24

    /// Reads the facts of this process.
    ///
    /// Limits are read each time: a daemon may change them.
    static func current() -> DaemonFacts {
        DaemonFacts(
            userID: UserID(geteuid()),
            groupID: GroupID(getegid()),
            limits: currentLimits(),
            isProtectedFromOutOfMemory: oomScoreIsProtected,
            mayEmptyBoundingSet: launch_has_capability(setPrivilegedCapabilities) == 1
        )
    }

    /// Whether the daemon was started with a lowered out-of-memory score.
    ///
    /// Read once: it costs as much as ten system calls, and the score is set when a daemon starts.
    private static let oomScoreIsProtected: Bool = {
        guard let text = try? ProcFile.read("/proc/self/oom_score_adj") else { return true }
        return text.hasPrefix("-")
    }()

    private static func currentLimits() -> ResourceLimits {
        var limits = ResourceLimits.inherited
        for (resource, _) in ResourceLimits.standard.all {
            var value = rlimit()
            guard unsafe getrlimit(__rlimit_resource_t(UInt32(resource.rawValue)), &value) == 0 else { continue }
            limits[resource] = ResourceLimits.Limit(soft: UInt64(value.rlim_cur), hard: UInt64(value.rlim_max))
        }
        return limits
    }
}
