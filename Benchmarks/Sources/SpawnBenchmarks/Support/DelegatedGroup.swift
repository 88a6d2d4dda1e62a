import Glibc

/// A cgroup as a service manager hands one down to a daemon: the account's to make groups in, and the daemon is in it.
final class DelegatedGroup {
    let path: String

    /// Makes the group.
    ///
    /// - Parameters:
    ///   - account: Whom it is delegated to.
    ///   - parent: Below which directory of cgroup v2.
    /// - Throws: ``BenchmarkError`` when it cannot be made.
    init(for account: uid_t, below parent: String) throws {
        path = "\(parent)/benchmark-\(getpid())"
        guard unsafe mkdir(path, 0o755) == 0 else {
            throw BenchmarkError("\(path) could not be made (errno \(errno))")
        }
        for file in ["", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control"] {
            guard unsafe chown(path + file, account, account) == 0 else {
                throw BenchmarkError("\(path)\(file) could not be given away (errno \(errno))")
            }
        }
    }

    /// A command line that starts another one in it.
    func entering(_ words: [String]) -> [String] {
        ["/bin/sh", "-c", "echo 0 > \(path)/cgroup.procs && exec \"$@\"", "sh"] + words
    }

    /// Removes it with the group that the daemon has made for itself; those of jobs are the daemon's to remove.
    func remove() {
        for group in ["\(path)/helper", path] { _ = unsafe rmdir(group) }
    }
}
