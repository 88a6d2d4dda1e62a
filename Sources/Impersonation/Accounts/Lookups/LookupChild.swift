import CLaunchPlan
import Glibc
import LaunchPlan
import NameLookup
import Synchronization
import SystemPackage

/// A child of this process that asks the name service: started through the trampoline, so that its cost does not grow with the
/// daemon, and killed when nobody waits for it any more.
final class LookupChild: Sendable {
    /// What it ends with at the latest.
    enum Lifetime: Sendable {
        /// The thread that starts it, which waits for it to its end.
        case thread

        /// The daemon.
        case daemon
    }

    /// All that it gets of an environment.
    ///
    /// The cache that SSSD shares with its clients knows one account of each short name, the
    /// last that anybody has asked for.
    static let environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "SSS_NSS_USE_MEMCACHE=NO"]

    /// How long the end of one that was killed is waited for by whoever has killed it.
    static let reapingTime = Duration.milliseconds(50)

    /// What the program was when it cannot be executed, now and later.
    private static let lastingOfProgram: Set<Errno> = [
        .noSuchFileOrDirectory, .permissionDenied, .notPermitted, Errno(rawValue: ENOEXEC),
    ]

    /// What says that this machine, or whoever confines this process, does not permit a step.
    ///
    /// Everything else passes, and others can bring it about: processes of the account up to the limit of this one (`EAGAIN`, also of
    /// an exec), keyrings up to its quota (`EDQUOT`), memory, descriptors.
    private static let lastingOfStep: Set<Errno> = [
        .notPermitted, .permissionDenied, .noFunction, .invalidArgument,
    ]

    /// Why there is no process.
    ///
    /// - Parameters:
    ///   - step: Where it failed.
    ///   - errno: With what.
    ///   - reason: A clause that says so.
    /// - Returns: The failure of whoever asks.
    static func failure(at step: UInt32, _ errno: Errno, _ reason: String) -> NoAnswer {
        let lasting = step == LAUNCH_STEP_EXECUTE.rawValue ? lastingOfProgram : lastingOfStep
        return lasting.contains(errno) ? .unusable(reason) : .broken(reason)
    }

    private let child: StartedChild

    /// Those that were killed and could not be waited for.
    private static let left = Mutex<[StartedChild]>([])

    /// Starts it, and waits until it is the program.
    ///
    /// - Parameters:
    ///   - arguments: Its path and its arguments.
    ///   - streams: Its standard streams.
    ///   - lifetime: What it ends with at the latest.
    ///   - time: When nobody wants it any more.
    /// - Throws: ``NoAnswer``; there is no child then.
    init(
        _ arguments: [String],
        streams: [Int32],
        endingWith lifetime: Lifetime,
        until time: MonotonicTime
    ) throws(NoAnswer) {
        Self.reapThoseLeft()
        let clone = { @Sendable in
            Result { () throws(TrampolineStart.Failure) in try Self.start(arguments, streams) }
        }
        let cloned =
            switch lifetime {
            case .thread: clone()
            case .daemon:
                (try? ParentThread.workers.performBlocking(clone).get())
                    ?? .failure(
                        TrampolineStart.Failure(step: LAUNCH_STEP_CLONE, errno: .resourceTemporarilyUnavailable)
                    )
            }
        let started: TrampolineStart
        do throws(TrampolineStart.Failure) {
            started = try cloned.get()
        } catch {
            throw Self.failure(at: error.step.rawValue, error.errno, "no process can be started (\(error.errno))")
        }
        child = started.child
        if let (failure, _) = started.failure {
            end()
            let errno = Errno(rawValue: failure.error)
            throw Self.failure(at: failure.step, errno, "no process can be started (\(errno))")
        }
        // Its pipe hangs up with the exec.
        guard started.status.waits(for: 0, until: time) else {
            end(waiting: .zero)
            throw .late
        }
        switch started.ending() {
        case .running: break
        case .failed(let failure):
            end()
            let errno = Errno(rawValue: failure.error)
            throw Self.failure(at: failure.step, errno, "\(arguments[0]) cannot be started (\(errno))")
        case .silent:
            end()
            throw .broken("the process that was to ask was ended by somebody")
        }
    }

    private static func start(
        _ arguments: [String],
        _ streams: [Int32]
    ) throws(TrampolineStart.Failure) -> TrampolineStart {
        let trampoline: Trampoline
        do throws(Errno) {
            trampoline = try Trampoline.shared()
        } catch {
            throw TrampolineStart.Failure(step: LAUNCH_STEP_CREATE_TRAMPOLINE, errno: error)
        }
        let daemon = DaemonFacts.current()
        let (steps, kind) = operations(FilePath(arguments[0]), from: daemon)
        guard let plan = try? EncodedPlan(steps, kind: kind) else {
            throw TrampolineStart.Failure(step: LAUNCH_STEP_PREPARE, errno: .argListTooLong)
        }
        return try TrampolineStart(
            trampoline,
            plan,
            placement: { ChildPlan.placement(of: streams, keeping: $0) },
            arguments: ArgumentVector(arguments),
            environment: ArgumentVector(environment)
        )
    }

    /// It has nothing to give up by itself: what executes this has proven that, and nothing is ever executed as root.
    private static func operations(
        _ program: FilePath,
        from daemon: DaemonFacts
    ) -> ([ChildOperation], EncodedPlan.Kind) {
        let plan = ChildPlan(
            executables: [program],
            workingDirectory: "/",
            fallbackDirectory: nil,
            streamFiles: [],
            errorFollowsOutput: false,
            niceness: 0,
            fileModeCreationMask: [.groupReadWriteExecute, .otherReadWriteExecute],
            resourceLimits: [ChildPlan.Limit(resource: Int32(RLIMIT_CORE.rawValue), soft: 0, hard: 0)],
            noNewPrivileges: true,
            emptiesBoundingSet: true,
            parent: ChildPlan.Parent(processID: getpid(), endSignal: SIGKILL)
        )
        guard LookupAccount.isUsed else {
            let own = ChildPlan.Credentials(userID: daemon.userID, groupID: daemon.groupID, groups: [])
            return (plan.keepingAccount(own, from: daemon, joiningSessionKeyring: true), .keepAccount)
        }
        let id = LookupAccount.number
        let nobody = ChildPlan.Credentials(userID: id, groupID: id, groups: [])
        return (plan.isolated(as: nobody, from: daemon), .isolated)
    }

    /// How a process has ended.
    enum End: Sendable, Hashable {
        /// By itself, with this status.
        case exited(Int32)

        /// By a signal.
        case killed

        /// Nobody knows: a host that ignores SIGCHLD, or waits for any child, has taken that.
        case unknown
    }

    /// How it has ended, once it has.
    ///
    /// - Parameter time: Until when that is waited for.
    /// - Returns: Its end; `nil` when it has not ended.
    func ending(until time: MonotonicTime) -> End? {
        guard child.processDescriptor.waits(for: POLLIN, until: time) else { return nil }
        var exit = launch_exit()
        let descriptor = child.processDescriptor.rawValue
        // Newer kernels still know what somebody else has taken.
        guard unsafe launch_reap(descriptor, &exit) == 1 || launch_exit_of_reaped(descriptor, &exit) == 0 else {
            return .unknown
        }
        return exit.code == CLD_EXITED ? .exited(exit.status) : .killed
    }

    /// Kills it with what it has started, and has it reaped.
    ///
    /// - Parameter patience: For how long its end is waited for here. It goes on elsewhere for one that stands in the kernel, or
    ///   that may not be signalled and ends by itself.
    func end(waiting patience: Duration = reapingTime) {
        _ = child.sendToGroup(SIGKILL)
        _ = child.send(SIGKILL)
        guard !isReaped(until: .now + patience) else { return }
        Task.detached { [child] in
            let descriptor = child.processDescriptor.rawValue
            do {
                _ = try await Reactor.shared().ready(descriptor, .reading, until: nil)
            } catch {
                // Without a descriptor to wait with, it is the next one that looks after this one.
                Self.left.withLock { $0.append(child) }
                return
            }
            var exit = launch_exit()
            _ = unsafe launch_reap(descriptor, &exit)
            withExtendedLifetime(child) {}
        }
    }

    /// How many that were killed wait for somebody to reap them.
    static var countOfThoseLeft: Int { left.withLock { $0.count } }

    private static func reapThoseLeft() {
        left.withLock { left in
            left.removeAll { child in
                var exit = launch_exit()
                return unsafe launch_reap(child.processDescriptor.rawValue, &exit) != 0
            }
        }
    }

    private func isReaped(until time: MonotonicTime) -> Bool {
        guard child.processDescriptor.waits(for: POLLIN, until: time) else { return false }
        var exit = launch_exit()
        return unsafe launch_reap(child.processDescriptor.rawValue, &exit) != 0
    }
}

extension OwnedDescriptor {
    /// Blocks the calling thread until a descriptor has something to say.
    ///
    /// - Parameters:
    ///   - events: What it is waited for, as `poll(2)` has it; a hangup always counts.
    ///   - time: Until when.
    /// - Returns: Whether it has.
    func waits(for events: Int32, until time: MonotonicTime) -> Bool {
        while true {
            var event = pollfd(fd: rawValue, events: Int16(events), revents: 0)
            let (seconds, attoseconds) = time.remaining.components
            // Rounded up: a wait of less than a millisecond is none otherwise.
            let milliseconds =
                min(seconds, 1_000_000) * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
            let count = unsafe poll(&event, 1, Int32(clamping: milliseconds))
            if count > 0 { return true }
            if count < 0, errno != EINTR { return false }
            if count == 0, time.remaining == .zero { return false }
        }
    }
}
