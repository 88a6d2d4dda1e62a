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
}
