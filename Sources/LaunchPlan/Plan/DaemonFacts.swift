import CLaunchPlan
import Glibc
import SystemPackage

/// What the daemon has, as far as a job must not get it or a plan depends on it.
package struct DaemonFacts: Sendable {
    /// The limits in force, by the number of the resource.
    package typealias Limits = [Int32: (soft: UInt64, hard: UInt64)]

    package var userID: UInt32
    package var groupID: UInt32
    package var limits: Limits
    package var isProtectedFromOutOfMemory: Bool
    /// Whether `PR_CAPBSET_DROP` is permitted (`CAP_SETPCAP`).
    package var mayEmptyBoundingSet: Bool

    package init(
        userID: UInt32,
        groupID: UInt32,
        limits: Limits,
        isProtectedFromOutOfMemory: Bool,
        mayEmptyBoundingSet: Bool
    ) {
        self.userID = userID
        self.groupID = groupID
        self.limits = limits
        self.isProtectedFromOutOfMemory = isProtectedFromOutOfMemory
        self.mayEmptyBoundingSet = mayEmptyBoundingSet
    }

    /// Whether this process has exactly the ids of an account that is not the superuser's, so that nothing needs a switch.
    ///
    /// - Parameter account: The account.
    /// - Returns: Whether the real and effective ids are the account's. The groups are left to the proof in the child.
    package func isOrdinaryAccount(_ account: ChildPlan.Credentials) -> Bool {
        userID != 0 && userID == account.userID && groupID == account.groupID
            && getuid() == userID && getgid() == groupID
    }

    /// Whether this process has nothing that an account does not have, and exactly the ids of the one.
    ///
    /// - Parameter account: The account.
    /// - Returns: Whether ``isOrdinaryAccount(_:)`` holds, no group is the superuser's, and no capability is there.
    package func isUnprivilegedAccount(_ account: ChildPlan.Credentials) -> Bool {
        isOrdinaryAccount(account) && account.groupID != 0 && !account.groups.contains(0)
            && launch_has_any_capability() == 0
    }

    /// Whether these are the supplementary groups of this process (`getgroups(2)`), and it has no others.
    package static func hasExactly(_ groups: [UInt32]) -> Bool {
        let count = getgroups(0, nil)
        guard count >= 0 else { return false }
        var own = [gid_t](repeating: 0, count: Int(count))
        return unsafe getgroups(count, &own) == count && own.sorted() == groups.sorted()
    }

    /// Whether a job would keep a bounding set that it is to lose, and could gain what is in it.
    ///
    /// Without `CAP_SETPCAP` nobody can empty it, and `no_new_privs` alone keeps what is in it out of reach.
    ///
    /// - Parameters:
    ///   - emptiesBoundingSet: Whether the job is to have an empty bounding set.
    ///   - noNewPrivileges: Whether the job can gain nothing by an exec.
    /// - Returns: Whether it must not be launched.
    package func wouldKeepBoundingSet(emptiesBoundingSet: Bool, noNewPrivileges: Bool) -> Bool {
        emptiesBoundingSet && !noNewPrivileges && !mayEmptyBoundingSet && launch_has_empty_bounding_set() != 1
    }

    private static let setPrivilegedCapabilities: UInt32 = 8

    /// What a trampoline may need: `CAP_CHOWN` for a terminal, `CAP_SETGID`, `CAP_SETUID`, `CAP_SETPCAP`, `CAP_SYS_NICE`, `CAP_SYS_RESOURCE`.
    package static let capabilitiesOfTheSwitch: UInt64 = 1 << 0 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 23 | 1 << 24

    /// Reads the facts of this process.
    ///
    /// Limits are read each time: a daemon may change them.
    package static func current() -> DaemonFacts {
        DaemonFacts(
            userID: geteuid(),
            groupID: getegid(),
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

    /// Resources up to `RLIMIT_RTTIME`, the last one that Linux has.
    private static let resources: ClosedRange<Int32> = 0...15

    private static func currentLimits() -> Limits {
        var limits: Limits = [:]
        for resource in resources {
            var value = rlimit()
            guard unsafe getrlimit(__rlimit_resource_t(UInt32(resource)), &value) == 0 else { continue }
            limits[resource] = (UInt64(value.rlim_cur), UInt64(value.rlim_max))
        }
        return limits
    }
}
