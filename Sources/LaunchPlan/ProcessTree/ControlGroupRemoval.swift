import Glibc

/// What is needed to remove a cgroup once its last process has left it, and no more: a process that stays there for months
/// keeps a name here, and no descriptor and no output of the job.
package struct ControlGroupRemoval: Sendable {
    private let name: String
    private let parent: OwnedDescriptor

    init(name: String, parent: OwnedDescriptor) {
        self.name = name
        self.parent = parent
    }

    /// Removes the group.
    ///
    /// - Returns: Whether it is gone; one with a process in it stays.
    package func perform() -> Bool {
        unsafe unlinkat(parent.rawValue, name, AT_REMOVEDIR) == 0 || errno == ENOENT
    }

    /// Whether nobody is in the group any more; also where it is gone, or nobody can tell.
    ///
    /// One whose processes were killed a moment ago is empty and still in use (`EBUSY`).
    package var isEmpty: Bool {
        let descriptor = unsafe openat(parent.rawValue, name + "/cgroup.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return true }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = unsafe read(descriptor, &bytes, bytes.count)
        return count < 0 || !String(decoding: bytes.prefix(count), as: UTF8.self).contains("populated 1")
    }
}
