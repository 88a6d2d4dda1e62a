import Glibc
import Synchronization
import SystemPackage

extension ControlGroupParent {
    /// Whether this process is in the group itself, and not in one below it.
    package var holdsThisProcess: Bool {
        (try? processes())?.split(separator: "\n").contains("\(getpid())") ?? false
    }

    /// Moves this process into a group below this one.
    ///
    /// Only a group without processes of its own can hand controllers to those below it ("No Internal Process Constraint" of
    /// `cgroup-v2.rst`): where a service manager has put the process into the group that is delegated to it, jobs can have no
    /// limits before it has left.
    ///
    /// - Parameters:
    ///   - leaf: The name of the group, which is made unless it is there.
    ///   - takesPrecedence: Whether the leaf gets as much weight as there is, so that no ordinary job takes the processor from
    ///     it. It takes the controller `cpu`, handed down from now on: as long as a job is left, with or without a limit, the
    ///     kernel then lets no process into this group.
    /// - Throws: ``ControlGroupError`` when the process may not.
    package func leave(for leaf: String, takingPrecedence takesPrecedence: Bool) throws(ControlGroupError) {
        guard let component = FilePath(leaf).components.first, component.kind == .regular, component.string == leaf,
            ControlGroupName(leaf) == nil
        else {
            throw ControlGroupError(
                nil,
                "'\(leaf)' cannot be the name of the group for this process; give one without a slash, for example daemon"
            )
        }
        let place = path.appending(component)
        if unsafe mkdirat(directory.rawValue, leaf, 0o755) != 0, errno != EEXIST {
            throw Self.refused(Errno(rawValue: errno), path, place)
        }
        // What is there already is looked at as this group was.
        let made = try ControlGroupParent(opening: place)
        do throws(Errno) {
            // Number 0 is whoever writes it, with all threads.
            try ControlGroup.write("0", to: "cgroup.procs", in: made.directory)
        } catch {
            throw Self.refused(error, path, place)
        }
        Self.left.withLock { _ = $0.insert(path) }
        if takesPrecedence { takePrecedence(in: leaf) }
    }

    /// Gives a group below as much weight for the processor as there is, where that controller is handed down or this process
    /// is the one who does that.
    ///
    /// - Parameter leaf: The name of the group that this process is in.
    package func takePrecedence(in leaf: String) {
        if wasLeft { try? handDown("+cpu") }
        let place = path.appending(leaf)
        guard let made = try? ControlGroupParent(opening: place), made.holdsThisProcess else { return }
        try? ControlGroup.write("10000", to: "cpu.weight", in: made.directory)
    }

    private static func refused(_ error: Errno, _ path: FilePath, _ place: FilePath) -> ControlGroupError {
        ControlGroupError(
            error,
            "this process cannot move from \(path) to \(place), so that jobs could have limits; let the service manager "
                + "delegate the group to it (Delegate=yes of systemd)"
        )
    }

    private static let left = Mutex<Set<FilePath>>([])

    /// Whether this process has moved out of the group.
    var wasLeft: Bool { Self.left.withLock { $0.contains(path) } }

    /// Hands controllers to the groups below.
    ///
    /// - Parameter controllers: Their names, each behind a plus.
    /// - Throws: `Errno`; `resourceBusy` where processes are in the group itself.
    func handDown(_ controllers: String) throws(Errno) {
        // The kernel would hand down pids and cpu all the same, and make this group one of threads: no process can be in a group
        // below it then, with or without a limit (`cgroup-v2.rst`, "Threads").
        let before = try type()
        let inside = try processes()
        // The root group alone may have both.
        guard before == nil || inside.isEmpty else { throw .resourceBusy }
        try ControlGroup.write(controllers, to: "cgroup.subtree_control", in: directory)
        // Somebody may have come in meanwhile.
        let after = try type()
        guard after == before else {
            takeBackControllers()
            throw .resourceBusy
        }
    }

    /// Takes controllers back where this process was started in the group itself, and so alone has handed them down.
    ///
    /// Elsewhere the directory may be other daemons' as well, whose jobs would lose their limits.
    package func takeBackOwnControllers() {
        if wasLeft { takeBackControllers() }
    }

    /// Takes controllers back where that makes the group one of processes again.
    ///
    /// Threads that have groups of their own below it make it one of threads as well, and keep what they have.
    func takeBackControllersOfThreads() {
        guard let before = try? ControlGroup.read("cgroup.subtree_control", in: directory) else { return }
        takeBackControllers()
        guard (try? type()) != "domain" else { return }
        let controllers = before.split(whereSeparator: \.isWhitespace).map { "+\($0)" }.joined(separator: " ")
        if !controllers.isEmpty { try? ControlGroup.write(controllers, to: "cgroup.subtree_control", in: directory) }
    }

    /// Takes back all controllers that jobs could have had limits by; nobody has any from then on.
    func takeBackControllers() {
        for controller in ["cpu", "memory", "pids"] {
            try? ControlGroup.write("-\(controller)", to: "cgroup.subtree_control", in: directory)
        }
    }

    /// What is in the group itself; nothing where these are threads.
    private func processes() throws(Errno) -> String {
        do throws(Errno) {
            return try ControlGroup.read("cgroup.procs", in: directory)
        } catch .notSupported {
            return ""
        } catch {
            throw error
        }
    }

    /// What kind of group it is; `nil` for the one that holds all others.
    func type() throws(Errno) -> String? {
        do throws(Errno) {
            return String(try ControlGroup.read("cgroup.type", in: directory).prefix { $0 != "\n" })
        } catch .noSuchFileOrDirectory {
            return nil
        } catch {
            throw error
        }
    }
}
