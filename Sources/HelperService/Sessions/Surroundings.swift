import Glibc
import LaunchPlan
import SystemPackage

/// What modules may make of this process for good: its root directory, its namespaces, and the bar to new privileges
/// (`pam_chroot`, `pam_namespace`, `nonewprivs` of `pam_limits`).
struct Surroundings: Equatable {
    private let root: [UInt64]
    private let namespaces: [[UInt64]]
    private let status: Substring

    /// Those of `/proc/self/ns` that a process or its children are in; the kernel may have none of some kind.
    private static let names = [
        "cgroup", "ipc", "mnt", "net", "pid_for_children", "time_for_children", "user", "uts",
    ]

    /// Those that it has now; `nil` where `/proc` does not tell.
    static func current() -> Surroundings? {
        guard let root = identity(of: "/"), identity(of: "/proc/self/ns/mnt") != nil,
            let status = try? ProcFile.read("/proc/self/status"),
            let bar = status.split(separator: "\n").first(where: { $0.hasPrefix("NoNewPrivs:") })
        else { return nil }
        return Surroundings(
            root: root,
            namespaces: names.map { identity(of: "/proc/self/ns/\($0)") ?? [] },
            status: bar
        )
    }

    private static func identity(of path: String) -> [UInt64]? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }
}
