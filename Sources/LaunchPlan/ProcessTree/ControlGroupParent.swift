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
    /// - Parameters:
    ///   - path: The directory, delegated to this process or made for it by root.
    ///   - takesBack: Whether this process takes back what it has handed down before it was started again.
    /// - Throws: ``ControlGroupError`` when it is no such directory, or somebody else could put processes into it.
    package init(opening path: FilePath, takingBackControllers takesBack: Bool = false) throws(ControlGroupError) {
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
        // Started again in a group that still hands controllers down, this process itself has made it one of threads. No job
        // is below it then: the kernel lets no process into a group that has one.
        if takesBack, holdsThisProcess, (try? type()) == "domain threaded" { takeBackControllersOfThreads() }
        let type: String?
        do throws(Errno) {
            type = try self.type()
        } catch {
            throw ControlGroupError(error, "\(path) cannot be looked at")
        }
        if let type, type != "domain" {
            throw ControlGroupError(
                nil,
                "\(path) is a group of threads (its cgroup.type is '\(type)'), below which no process can have a group; name "
                    + "another, or move the processes out of it and hand down its controllers again"
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
                try handDown(controllers)
            } catch {
                throw ControlGroupError(
                    error,
                    "the limits need the controllers \(controllers) in \(path), which \(Self.cause(of: error)), or leave the "
                        + "limits out",
                    lacksControllers: Self.lasting.contains(error)
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
            group = try ControlGroup(
                name: name,
                path: path.appending(name),
                in: directory,
                withQuota: limits.processorQuotaMicroseconds != nil
            )
        } catch {
            _ = unsafe unlinkat(directory.rawValue, name, AT_REMOVEDIR)
            throw ControlGroupError(
                error,
                limits.processorQuotaMicroseconds == nil
                    ? "the group \(name) in \(path) cannot be opened"
                    : "the group \(name) in \(path) cannot be opened, or the kernel keeps no quota of processor time (cpu.max)"
            )
        }
        do throws(Errno) {
            try limits.write(in: group.directory)
        } catch {
            group.remove()
            throw ControlGroupError(error, "a limit was refused by \(path); give one that the controller takes")
        }
        return group
    }

    /// What the kernel says where controllers are not there, not delegated, or not to be handed down, and not for want of a
    /// descriptor or of memory.
    private static let lasting: Set<Errno> = [
        .noSuchFileOrDirectory, .invalidArgument, .permissionDenied, .notPermitted, .resourceBusy, .readOnlyFileSystem,
    ]

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
    /// Whether limits were asked for where nothing keeps them: not a failure of this moment.
    package let lacksControllers: Bool

    init(_ errno: Errno?, _ message: String, lacksControllers: Bool = false) {
        self.errno = errno
        self.message = message
        self.lacksControllers = lacksControllers
    }
}
