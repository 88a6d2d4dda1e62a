import LaunchPlan
public import SystemPackage

/// Where the jobs of a launcher get cgroups of their own.
///
/// A job in a cgroup is one thing: everything it starts is in it, however it forks, and is killed at once by the kernel,
/// which needs no right to signal the account. The directory is one of cgroup v2 that belongs to root or to the daemon
/// (`Delegate=yes` of systemd), and to nobody else.
///
/// See `cgroups(7)`.
public struct ControlGroups: Sendable {
    let parent: ControlGroupParent

    /// The directory.
    public var path: FilePath { parent.path }

    /// Makes the groups of jobs below a directory.
    ///
    /// - Parameter path: A directory of cgroup v2.
    /// - Throws: ``LaunchError`` with the step `createControlGroup` when it is none, or others could write to it.
    public init(below path: FilePath) throws(LaunchError) {
        parent = try Self.opening { () throws(ControlGroupError) in try ControlGroupParent(opening: path) }
    }

    private init(_ parent: ControlGroupParent) {
        self.parent = parent
    }

    /// Makes the groups of jobs below the group that this process is in.
    ///
    /// - Returns: The groups.
    /// - Throws: ``LaunchError`` with the step `createControlGroup` when there is no cgroup v2, or it is not delegated.
    public static func belowThisProcess() throws(LaunchError) -> ControlGroups {
        ControlGroups(try opening { () throws(ControlGroupError) in try ControlGroupParent.ofThisProcess() })
    }

    private static func opening(
        _ body: () throws(ControlGroupError) -> ControlGroupParent
    ) throws(LaunchError) -> ControlGroupParent {
        do throws(ControlGroupError) {
            return try body()
        } catch {
            throw LaunchError(.notPermitted, step: .createControlGroup, errno: error.errno, message: error.message)
        }
    }
}
