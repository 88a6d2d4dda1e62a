import Glibc
import LaunchPlan
import SystemPackage

/// The root directory and the mount namespace of this process, which modules may change (`pam_chroot`, `pam_namespace`).
struct Surroundings: Equatable {
    private let device: dev_t
    private let inode: ino_t
    private let namespaceDevice: dev_t
    private let namespace: ino_t

    /// Those that it has now; `nil` where `/proc` does not tell.
    static func current() -> Surroundings? {
        var (root, mounts) = (stat(), stat())
        guard unsafe stat("/", &root) == 0, unsafe stat("/proc/self/ns/mnt", &mounts) == 0 else { return nil }
        return Surroundings(
            device: root.st_dev,
            inode: root.st_ino,
            namespaceDevice: mounts.st_dev,
            namespace: mounts.st_ino
        )
    }
}
