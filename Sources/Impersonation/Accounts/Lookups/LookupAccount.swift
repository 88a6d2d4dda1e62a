import LaunchPlan
import SystemPackage

/// As whom programs ask the name service for a daemon that is the superuser.
///
/// Whoever has the same account can signal such a process, and trace it as long as it does not forbid that, which `getent` never
/// does: he could put words into its mouth. `nobody` is an account that many services share. So they get a number that no account
/// has and no tool gives away: above all ranges of systemd, of containers, of winbind and of SSSD.
enum LookupAccount {
    private static let own: UInt32 = 4_294_960_001

    private static let nobody: UInt32 = 65_534

    /// The number; `nobody` in a user namespace that has no other.
    static let number: UInt32 = isThere(own) ? own : nobody

    /// Whether the user namespace of this process has the number (`user_namespaces(7)`).
    private static func isThere(_ id: UInt32) -> Bool {
        ["/proc/self/uid_map", "/proc/self/gid_map"]
            .allSatisfy { file in
                guard let text = try? ProcFile.read(FilePath(file)) else { return false }
                return text.split(separator: "\n")
                    .contains { line in
                        let numbers = line.split(separator: " ").compactMap { UInt64($0) }
                        return numbers.count == 3 && numbers[0] <= id && UInt64(id) < numbers[0] + numbers[2]
                    }
            }
    }
}
