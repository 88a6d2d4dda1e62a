import CLaunchPlan
import Glibc
package import SystemPackage

extension ControlGroupParent {
    /// The group that this process is in itself.
    ///
    /// - Returns: The group.
    /// - Throws: ``ControlGroupError`` when there is no cgroup v2, or the group is not delegated to this process.
    package static func ofThisProcess() throws(ControlGroupError) -> ControlGroupParent {
        try ControlGroupParent(opening: ownPath())
    }

    /// The group that this process was put into by whoever started it, once the process has moved into a leaf below it.
    ///
    /// - Parameters:
    ///   - leaf: The name of the leaf; where the process was put into one of that name, or has moved there, it stays.
    ///   - takesPrecedence: Whether the leaf gets as much weight for the processor as there is.
    /// - Returns: The group.
    /// - Throws: ``ControlGroupError`` when there is no cgroup v2, or the group is not delegated to this process.
    package static func ofThisProcess(
        leavingFor leaf: String,
        takingPrecedence takesPrecedence: Bool
    ) throws(ControlGroupError) -> ControlGroupParent {
        let path = try ownPath()
        // A group of that name may as well be what is delegated; what is above it is then the administrator's.
        if path.lastComponent?.string == leaf,
            let above = try? ControlGroupParent(opening: path.removingLastComponent()),
            above.wasLeft || linux_is_delegated(above.directory.rawValue) == 1
        {
            if takesPrecedence { above.takePrecedence(in: leaf) }
            return above
        }
        let own = try ControlGroupParent(opening: path, takingBackControllers: true)
        try own.leave(for: leaf, takingPrecedence: takesPrecedence)
        return own
    }

    /// Where the group of this process is.
    ///
    /// - Returns: The path.
    /// - Throws: ``ControlGroupError`` when there is no cgroup v2, or it is mounted nowhere where it can be written to.
    package static func ownPath() throws(ControlGroupError) -> FilePath {
        guard let groups = try? ProcFile.read("/proc/self/cgroup"),
            let mounts = try? ProcFile.read("/proc/self/mountinfo")
        else { throw ControlGroupError(nil, "this kernel has no cgroup v2") }
        return try path(of: groups, mountedAs: mounts)
    }

    /// Where the group of a process is.
    ///
    /// - Parameters:
    ///   - groups: Its groups (`/proc/PID/cgroup`, `cgroups(7)`).
    ///   - mounts: What is mounted (`/proc/PID/mountinfo`, `proc_pid_mountinfo(5)`).
    /// - Returns: The path, below the first place where it can be written to.
    /// - Throws: ``ControlGroupError`` when there is none.
    static func path(of groups: String, mountedAs mounts: String) throws(ControlGroupError) -> FilePath {
        guard let own = groups.split(separator: "\n").first(where: { $0.hasPrefix("0::/") })?.dropFirst(3) else {
            throw ControlGroupError(nil, "this kernel has no cgroup v2")
        }
        var isOutside = false
        var readOnly: Substring?
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 3, fields[dash + 1] == "cgroup2",
                dash > 5
            else { continue }
            let (root, place) = (String(fields[3]), FilePath(String(fields[4])))
            guard place.isAbsolute, !place.leadsUp else { continue }
            guard root == "/" || own == root || own.hasPrefix(root + "/") else { continue }
            let below = FilePath(String((root == "/" ? own : own.dropFirst(root.count)).drop { $0 == "/" }))
            // What lies above the root of its cgroup namespace the kernel names by the way up from there, and that leads out of the mount.
            guard !below.leadsUp else {
                isOutside = true
                continue
            }
            // A container often has both: all groups to look at, and its own to write to.
            guard ![fields[5], fields[dash + 3]].contains(where: { $0.split(separator: ",").contains("ro") }) else {
                readOnly = readOnly ?? fields[4]
                continue
            }
            return place.pushing(below)
        }
        if let readOnly {
            throw ControlGroupError(
                .readOnlyFileSystem,
                "cgroup v2 is mounted read-only at \(readOnly); mount it, or the group of this process, for writing"
            )
        }
        if isOutside {
            throw ControlGroupError(
                nil,
                "the group of this process, \(own), is not in its cgroup namespace; start the process in a group below, or name one"
            )
        }
        throw ControlGroupError(nil, "cgroup v2 is mounted nowhere that this process can see")
    }
}

extension FilePath {
    /// Whether a part of it is the way up.
    fileprivate var leadsUp: Bool { components.contains { $0.kind == .parentDirectory } }
}
