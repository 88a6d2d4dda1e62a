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

    /// Makes the groups of jobs below the group that this process is in, and lets the process stay there.
    ///
    /// Jobs can have no limits then (``Command/treeLimits``): a group with processes of its own hands no controllers down. See
    /// ``belowThisProcess(leavingFor:takingPrecedence:)``.
    ///
    /// - Returns: The groups.
    /// - Throws: ``LaunchError`` with the step `createControlGroup` when there is no cgroup v2, or it is not delegated.
    public static func belowThisProcess() throws(LaunchError) -> ControlGroups {
        ControlGroups(try opening { () throws(ControlGroupError) in try ControlGroupParent.ofThisProcess() })
    }

    /// Makes the groups of jobs below the group that this process was put into, and moves the process out of their way.
    ///
    /// A service manager puts a daemon into the very group that it delegates to it (`Delegate=yes` of systemd), and a group
    /// with processes of its own hands no controllers down: for limits (``Command/treeLimits``) the process has to be in a group
    /// of its own below, beside those of the jobs. The whole process moves, with all its threads, and so does what it starts
    /// from then on; children it has already stay, and have to be moved or to end before a job can have a limit. A process that
    /// was put into a group of that name stays there (`DelegateSubgroup=` since systemd 254).
    ///
    /// The kernel lets no process into a group that hands controllers down to living jobs, so once a job has had a limit, or with
    /// precedence, the daemon cannot be started in the group again while a job lives on, or, with a limit of memory, before
    /// somebody takes the controllers back. systemd takes them back when it starts a unit again, up to version 255 and in the
    /// newest ones again: jobs that live on have lost their limits then. For jobs that outlive their daemon
    /// (``DaemonEndPolicy/goOn``) and have limits, use a directory that is no service's own (``init(below:)``).
    ///
    /// - Parameters:
    ///   - leaf: The name of the group for this process, for example `daemon`.
    ///   - takesPrecedence: Whether the leaf gets as much weight for the processor as there is: 10,000, where a job has 100
    ///     unless ``ProcessTreeLimits`` says otherwise. See also ``DaemonPrecedence``, which counts where no cgroup does.
    /// - Returns: The groups.
    /// - Throws: ``LaunchError`` with the step `createControlGroup` when there is no cgroup v2, or it is not delegated.
    public static func belowThisProcess(
        leavingFor leaf: String,
        takingPrecedence takesPrecedence: Bool = false
    ) throws(LaunchError) -> ControlGroups {
        ControlGroups(
            try opening { () throws(ControlGroupError) in
                try ControlGroupParent.ofThisProcess(leavingFor: leaf, takingPrecedence: takesPrecedence)
            }
        )
    }

    /// How long processes that were killed may take to go; some hang in the kernel.
    private static let patience = Duration.seconds(10)

    /// Ends what daemons have left below the directory that ended without ending their jobs: kills the processes, and removes the
    /// groups.
    ///
    /// Call it when a daemon starts. The name of a group tells which process has made it, by number, start and namespaces: the
    /// groups of a process that runs are left alone, and so are those of other namespaces and all that this library has not
    /// made. Jobs that were to outlive their daemon (``DaemonEndPolicy/goOn``) are left alone, too, since nobody can tell which
    /// of them another daemon has taken over. Where `/proc` hides the processes of others (`hidepid`), a number in use counts as
    /// the daemon.
    ///
    /// - Parameters:
    ///   - includesKept: Whether jobs that were to outlive their daemon are ended as well: only where no other daemon uses the
    ///     directory.
    ///   - references: Jobs that are left alone, because they have been or will be taken over.
    /// - Returns: The groups in which a process was killed. Those whose processes hang in the kernel are still there after ten
    ///   seconds; call it again.
    /// - Throws: ``LaunchError`` with the step `createControlGroup` when the directory cannot be read.
    @discardableResult
    public func endLeftovers(
        includingKept includesKept: Bool = false,
        sparing references: [JobReference] = []
    ) async throws(LaunchError) -> [FilePath] {
        let spared = Set(references.compactMap { $0.controlGroup.flatMap { FilePath($0).lastComponent?.string } })
        let deadline = ContinuousClock.now + Self.patience
        var delay = Duration.milliseconds(1)
        var ended: [FilePath] = []
        while true {
            let found: [ControlGroupParent.Leftover]
            do throws(Errno) {
                found = try parent.endLeftovers(includesKept ? [.job, .kept] : [.job]) { spared.contains($0) }
            } catch {
                throw LaunchError(
                    .stepFailed,
                    step: .createControlGroup,
                    errno: error,
                    message: "\(path) cannot be read for what was left there; look at the daemon's limit of descriptors"
                )
            }
            ended += found.filter(\.wasPopulated).map(\.path).filter { !ended.contains($0) }
            guard found.contains(where: { !$0.isRemoved }), ContinuousClock.now < deadline,
                (try? await Task.sleep(for: delay)) != nil
            else { return ended }
            delay = min(delay * 2, .milliseconds(100))
        }
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
