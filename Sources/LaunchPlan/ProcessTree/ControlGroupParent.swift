import CLaunchPlan
import Glibc
package import SystemPackage

/// A directory of cgroup v2 in which each job gets a group of its own.
///
/// It is checked once and then only reached by its descriptor. See `cgroups(7)` and the kernel's
/// `Documentation/admin-guide/cgroup-v2.rst`, section "Delegation".
package final class ControlGroupParent: Sendable {
    package let path: FilePath
    let directory: OwnedDescriptor

    /// Opens a directory.
    ///
    /// - Parameter path: The directory, delegated to this process or made for it by root.
    /// - Throws: ``ControlGroupError`` when it is no such directory, or somebody else could put processes into it.
    package init(opening path: FilePath) throws(ControlGroupError) {
        let descriptor = unsafe open(path.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            throw ControlGroupError(
                Errno(rawValue: errno),
                "\(path) cannot be opened; make it, or delegate it to the daemon"
            )
        }
        do throws(Errno) {
            directory = try OwnedDescriptor(moving: descriptor)
        } catch {
            throw ControlGroupError(error, "the daemon has no descriptor left for \(path)")
        }
        self.path = path
        guard linux_is_control_group(directory.rawValue) == 1 else {
            throw ControlGroupError(
                nil,
                "\(path) is no directory of cgroup v2; name one below the mount of type cgroup2"
            )
        }
        var status = stat()
        guard unsafe fstat(directory.rawValue, &status) == 0 else {
            throw ControlGroupError(Errno(rawValue: errno), "\(path) cannot be looked at")
        }
        // Whoever may write there can freeze a group while a launch enters it, or move processes in and out.
        guard status.st_uid == 0 || status.st_uid == geteuid(), status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw ControlGroupError(
                nil,
                "\(path) belongs to user id \(status.st_uid) with mode \(String(status.st_mode & 0o7777, radix: 8)), so "
                    + "others could put processes into it; it has to be root's or the daemon's, and nobody else's to write"
            )
        }
        if let type, type != "domain" {
            throw ControlGroupError(
                nil,
                "\(path) is a group of threads (its cgroup.type is '\(type)'), below which no process can have a group; name "
                    + "another, or move the processes out of it and hand down its controllers again"
            )
        }
    }

    /// The group that this process is in itself.
    ///
    /// - Returns: The group.
    /// - Throws: ``ControlGroupError`` when there is no cgroup v2, or the group is not delegated to this process.
    package static func ofThisProcess() throws(ControlGroupError) -> ControlGroupParent {
        guard let groups = try? ProcFile.read("/proc/self/cgroup"),
            let mounts = try? ProcFile.read("/proc/self/mountinfo"),
            let own = groups.split(separator: "\n").first(where: { $0.hasPrefix("0::/") })?.dropFirst(3)
        else { throw ControlGroupError(nil, "this kernel has no cgroup v2") }
        var readOnly: Substring?
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 1, fields[dash + 1] == "cgroup2",
                fields.count > 5
            else { continue }
            let (root, place) = (String(fields[3]), FilePath(String(fields[4])))
            guard root == "/" || own == root || own.hasPrefix(root + "/") else { continue }
            // A container often has both: all groups to look at, and its own to write to.
            guard !fields[5].split(separator: ",").contains("ro") else {
                readOnly = readOnly ?? fields[4]
                continue
            }
            let below = root == "/" ? String(own) : String(own.dropFirst(root.count))
            return try ControlGroupParent(opening: place.pushing(FilePath(String(below.drop { $0 == "/" }))))
        }
        if let readOnly {
            throw ControlGroupError(
                .readOnlyFileSystem,
                "cgroup v2 is mounted read-only at \(readOnly); mount it, or the group of this process, for writing"
            )
        }
        throw ControlGroupError(nil, "cgroup v2 is mounted nowhere that this process can see")
    }

    /// The group that this process was put into by whoever started it, once the process has moved into a leaf below it.
    ///
    /// - Parameter leaf: The name of the leaf; where the process is in one of that name already, it stays.
    /// - Returns: The group.
    /// - Throws: ``ControlGroupError`` when there is no cgroup v2, or the group is not delegated to this process.
    package static func ofThisProcess(leavingFor leaf: String) throws(ControlGroupError) -> ControlGroupParent {
        let own = try ofThisProcess()
        if own.path.lastComponent?.string == leaf {
            return try ControlGroupParent(opening: own.path.removingLastComponent())
        }
        try own.leave(for: leaf)
        return own
    }

    /// Whether this process is in the group itself, and not in one below it.
    package var holdsThisProcess: Bool {
        processes.split(separator: "\n").contains("\(getpid())")
    }

    /// What is in the group itself; empty as well where the kernel does not say, since those are groups of threads.
    private var processes: String { (try? ControlGroup.read("cgroup.procs", in: directory)) ?? "" }

    /// What kind of group it is; `nil` for the one that holds all others.
    private var type: String? {
        guard let text = try? ControlGroup.read("cgroup.type", in: directory) else { return nil }
        return String(text.prefix { $0 != "\n" })
    }

    /// Moves this process into a group below this one.
    ///
    /// Only a group without processes of its own can hand controllers to those below it ("No Internal Process Constraint" of
    /// `cgroup-v2.rst`): where a service manager has put the process into the group that is delegated to it, jobs can have no
    /// limits before it has left.
    ///
    /// - Parameter leaf: The name of the group, which is made unless it is there.
    /// - Throws: ``ControlGroupError`` when the process may not.
    package func leave(for leaf: String) throws(ControlGroupError) {
        guard let component = FilePath(leaf).components.first, component.kind == .regular, component.string == leaf,
            ControlGroupName(leaf) == nil
        else {
            throw ControlGroupError(
                nil,
                "'\(leaf)' cannot be the name of the group for this process; give one without a slash, for example daemon"
            )
        }
        let place = path.appending(component)
        do throws(Errno) {
            if unsafe mkdirat(directory.rawValue, leaf, 0o755) != 0, errno != EEXIST { throw Errno(rawValue: errno) }
            let made = unsafe openat(directory.rawValue, leaf, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
            guard made >= 0 else { throw Errno(rawValue: errno) }
            // Number 0 is whoever writes it, with all threads.
            try ControlGroup.write("0", to: "cgroup.procs", in: OwnedDescriptor(moving: made))
        } catch {
            throw ControlGroupError(
                error,
                "this process cannot move from \(path) to \(place), so that jobs could have limits; let the service manager "
                    + "delegate the group to it (Delegate=yes of systemd)"
            )
        }
    }

    /// Opens the group of a job that was made here earlier.
    ///
    /// - Parameter path: The group.
    /// - Returns: The group.
    /// - Throws: ``ControlGroupError`` when it is not there any more.
    package func group(at path: FilePath) throws(ControlGroupError) -> ControlGroup {
        // Whoever ends the job kills all that is in it.
        guard let name = path.lastComponent?.string, ControlGroupName(name) != nil else {
            throw ControlGroupError(
                nil,
                "\(path) is no group that was made for a job; look at where the reference was kept"
            )
        }
        do throws(Errno) {
            return try ControlGroup(name: name, path: path, in: directory)
        } catch {
            throw ControlGroupError(error, "\(path) cannot be opened; the job has ended and its group was removed")
        }
    }

    /// Makes a group for one job.
    ///
    /// - Parameters:
    ///   - limits: What the processes of the job may use together.
    ///   - kind: What becomes of the job when this process has ended.
    /// - Returns: The group, without a process in it.
    /// - Throws: ``ControlGroupError``; nothing is left behind then.
    package func makeGroup(
        _ limits: ControlGroupLimits,
        _ kind: ControlGroupName.Kind = .job
    ) throws(ControlGroupError) -> ControlGroup {
        if !limits.isEmpty {
            let controllers = limits.controllers.map { "+\($0)" }.joined(separator: " ")
            do throws(Errno) {
                // The kernel would hand down pids and cpu all the same, and make this group one of threads: no process can
                // be in a group below it then, with or without a limit (`cgroup-v2.rst`, "Threads").
                guard type == nil || processes.isEmpty else { throw .resourceBusy }
                try ControlGroup.write(controllers, to: "cgroup.subtree_control", in: directory)
            } catch {
                throw ControlGroupError(
                    error,
                    "the limits need the controllers \(controllers) in \(path), which \(Self.cause(of: error)), or leave the "
                        + "limits out"
                )
            }
        }
        let name = ControlGroupName.fresh(kind)
        guard unsafe mkdirat(directory.rawValue, name, 0o755) == 0 else {
            throw ControlGroupError(
                Errno(rawValue: errno),
                "no group can be made in \(path); delegate the directory to the daemon (Delegate=yes of systemd), or look at "
                    + "its cgroup.max.descendants"
            )
        }
        let group: ControlGroup
        do throws(Errno) {
            group = try ControlGroup(name: name, path: path.appending(name), in: directory)
        } catch {
            _ = unsafe unlinkat(directory.rawValue, name, AT_REMOVEDIR)
            throw ControlGroupError(error, "the group \(name) in \(path) cannot be opened")
        }
        do throws(Errno) {
            try limits.write(in: group.directory)
        } catch {
            group.remove()
            throw ControlGroupError(error, "a limit was refused by \(path); give one that the controller takes")
        }
        return group
    }

    /// Why controllers cannot be handed down, and what to do about it.
    private static func cause(of error: Errno) -> String {
        guard error == .resourceBusy else {
            return "are not there or not delegated; enable them in the parent's cgroup.subtree_control"
        }
        return
            "it cannot hand down as long as processes are in it themselves, the daemon perhaps; move those into a group below "
            + "it"
    }
}

/// Why a job can have no group of its own.
package struct ControlGroupError: Error {
    package let errno: Errno?
    package let message: String

    init(_ errno: Errno?, _ message: String) {
        self.errno = errno
        self.message = message
    }
}
