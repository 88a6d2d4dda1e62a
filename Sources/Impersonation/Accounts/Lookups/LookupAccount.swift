import CLaunchPlan
import Glibc
import LaunchPlan
import Synchronization
import SystemPackage

/// As whom programs ask the name service for a daemon that may switch accounts.
///
/// Whoever has the same account can signal such a process, and trace it as long as it does not forbid that, which `getent` never
/// does: he could put words into its mouth. `nobody` is an account that many services share. So they get a number that no tool
/// gives away, above all ranges of systemd, of containers, of winbind and of SSSD: that of no account, or of one that nobody logs in to,
/// for SSSD's InfoPipe (``DirectoryDoubt``). No job runs as one of them (``LookupAccountRule``).
package enum LookupAccount {
    private static let own: UInt32 = 4_294_960_001

    /// In a range that nobody uses either, and that every user namespace of 65536 numbers has.
    private static let small: UInt32 = 65_523

    private static let nobody: UInt32 = 65_534

    /// The numbers that are for this alone.
    package static let reserved: Set<UInt32> = [own, small]

    private static let setGroupID: UInt32 = 6
    private static let setUserID: UInt32 = 7

    private static let known = Mutex<UInt32?>(nil)

    /// The number.
    static var number: UInt32 {
        known.withLock { known in
            if let known { return known }
            // Without /proc, the kernel tells: it switches to no number that the namespace does not have.
            guard let users = try? ProcFile.read("/proc/self/uid_map"),
                let groups = try? ProcFile.read("/proc/self/gid_map")
            else { return own }
            let number = choice(users: users, groups: groups)
            known = number
            return number
        }
    }

    /// Whether others have the number too.
    static var isShared: Bool { number == nobody }

    /// Whether this process may switch to it, as it does for jobs.
    static var isUsed: Bool { isUsed(by: geteuid()) { launch_has_capability($0) == 1 } }

    /// Whether a process may switch to it.
    ///
    /// One that is not root and may is not to ask under its own account: others of that account cannot trace the daemon, which has
    /// more than they, but a child without its capabilities.
    ///
    /// - Parameters:
    ///   - userID: Its effective user id.
    ///   - has: Whether it has a capability.
    /// - Returns: Whether it may.
    static func isUsed(by userID: uid_t, _ has: (UInt32) -> Bool) -> Bool {
        userID == 0 || has(setUserID) && has(setGroupID)
    }

    /// The first of the numbers that a user namespace has (`user_namespaces(7)`).
    ///
    /// - Parameters:
    ///   - users: `/proc/self/uid_map`.
    ///   - groups: `/proc/self/gid_map`.
    /// - Returns: The number; that of `nobody` where there is no other.
    static func choice(users: String, groups: String) -> UInt32 {
        [own, small].first { id in [users, groups].allSatisfy { has(id, in: $0) } } ?? nobody
    }

    private static func has(_ id: UInt32, in map: String) -> Bool {
        map.utf8.split(separator: UInt8(ascii: "\n"))
            .contains { line in
                let numbers = line.split(separator: UInt8(ascii: " ")).map { UInt32(Substring($0)) }
                guard numbers.count == 3, let first = numbers[0], numbers[1] != nil, let count = numbers[2] else {
                    return false
                }
                return first <= id && id - first < count
            }
    }
}
