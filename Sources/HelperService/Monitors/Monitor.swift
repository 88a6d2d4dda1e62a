import CHelperService
import CLaunchPlan
import CLaunchProtocol
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// One process of the helper: it waits for a daemon, launches one job for it, stays with the job to its end, and ends.
///
/// Whatever stands still here - a name service, a file system, a child that somebody stops - is nobody else's business.
struct Monitor {
    let context: HelperContext
    /// The word of this process in the table.
    let slot: Int
    /// What this process is told by the one that forks others.
    let signals: OwnedDescriptor
    /// What that one is woken by.
    let wake: OwnedDescriptor

    /// How long a daemon that has connected may take to say what it wants.
    private static let patience = Duration.seconds(10)

    /// How long a refusal may take; `SIGALRM` ends this process then.
    private static let refusalSeconds: UInt32 = 2

    /// How long this process turns strangers away before another one takes its place.
    private static let lobbyTime = Duration.seconds(1)

    /// Serves one daemon, and ends when there is nothing left to do for it.
    func run() {
        Self.fillLowNumbers()
        guard let client = waitForClient() else { return }
        guard let order = receiveOrder(from: client) else {
            // Whoever was admitted counts until this process has ended, which may take its time with what he has sent.
            client.socket.takeDescriptors(false)
            helper_alarm(Self.refusalSeconds)
            return
        }
        JobSession(context, client, slot: slot, signals: signals, sequence: order.sequence)
            .run(order.order, order.descriptors)
        // Only modules of PAM may have something to do at the end of their process.
        if order.order.session == nil { _exit(0) }
    }

    /// Takes the numbers that descriptors are moved away from.
    ///
    /// What a daemon sends would lie there first, and closing it there could wait for whoever serves its file system.
    private static func fillLowNumbers() {
        while case let descriptor = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC), descriptor >= 0 {
            guard descriptor >= OwnedDescriptor.lowest else { continue }
            close(descriptor)
            return
        }
    }

    /// Waits until a daemon connects that the policy permits.
    ///
    /// - Returns: `nil` when the helper stops.
    private func waitForClient() -> Client? {
        let poll = linux_epoll_create()
        guard poll >= 0 else { return nil }
        let owner = OwnedDescriptor(poll)
        // Exclusive: a daemon that connects wakes one process, not all that wait.
        let exclusive = EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue
        guard linux_epoll_control(poll, EPOLL_CTL_ADD, context.listener.rawValue, exclusive, 1) == 0,
            linux_epoll_control(poll, EPOLL_CTL_ADD, signals.rawValue, EPOLLIN.rawValue, 2) == 0
        else { return nil }
        defer { owner.closeNow() }
        var firstStranger: ContinuousClock.Instant?
        while true {
            var numbers: [UInt64] = [0, 0]
            let count = unsafe linux_epoll_wait(poll, &numbers, Int32(numbers.count), -1)
            if count == -EINTR { continue }
            guard count > 0, helper_signals_next(signals.rawValue) == 0 else { return nil }
            switch accept(afterStrangers: firstStranger != nil) {
            case .nobody: continue
            case .client(let client): return client
            case .refused: return nil
            case .turnedAway:
                let since = firstStranger ?? .now
                firstStranger = since
                // A process that is seen to look who has connected for seconds is taken for one that stands still.
                guard .now - since < Self.lobbyTime else { return nil }
                helper_alarm(0)
                context.table[slot] = .parked
            }
        }
    }

    private enum Accepted {
        /// Another process was faster.
        case nobody
        case client(Client)
        /// Whoever it was has been told, and is gone; this process goes on waiting.
        case turnedAway
        /// Whoever it was has been told, or is not worth it; this process ends, because closing what a stranger has sent may
        /// take its time.
        case refused
    }

    /// Accepts whoever has connected.
    ///
    /// - Parameter afterStrangers: Whether the one that makes processes has been woken for this one before; it found this one
    ///   waiting again, and made none.
    /// - Returns: Who it is.
    private func accept(afterStrangers: Bool) -> Accepted {
        let descriptor = socket_accept(context.listener.rawValue)
        guard descriptor >= 0 else { return .nobody }
        // Before anything that could stand still: another process takes this one's place.
        context.table[slot] = .greeting
        if !afterStrangers { wakeSupervisor() }
        helper_alarm(Self.refusalSeconds)
        // What the kernel takes no descriptors for (Linux 6.16) is closed at once: then a flood of strangers costs no forks.
        let refusal: Accepted = socket_takes_descriptors(descriptor) == 0 ? .turnedAway : .refused
        // Whoever starts a helper anew is to find the socket free, also while the last of what a stranger sent stands still.
        if case .refused = refusal { context.listener.closeNow() }
        let (process, user, group, owner): (Int32, UInt32, UInt32, OwnedDescriptor)
        do throws(Errno) {
            owner = try OwnedDescriptor(moving: descriptor)
            (process, user, group) = try Client.peer(of: owner)
        } catch {
            return refusal
        }
        var client = Client(socket: FrameSocket(owner), userID: user, groupID: group, processID: process)
        do throws(Errno) {
            client.process = try Client.descriptor(of: process, at: owner)
        } catch {
            // It has gone already, or nobody could tell when it goes.
            if context.table.mayComplain() {
                context.log.write(
                    .warning,
                    "process \(process) of user id \(user) connected, and the kernel does not give it: \(error)"
                )
            }
            return refusal
        }
        guard context.policy.permits(peer: user, groups: Self.groups(of: owner) + [group]).isPermitted else {
            let denial = context.policy.refusal(ofPeer: user)
            if context.table.mayComplain() {
                context.log.write(.warning, "process \(process) connected: \(denial.detail)")
            }
            client.tell(.refused(Refusal(reason: denial.code.rawValue, message: denial.message)), 0)
            return refusal
        }
        context.table[slot] = .serving(user)
        guard hasRoom(for: user) else {
            context.table[slot] = .greeting
            client.tell(
                .refused(
                    Refusal(
                        reason: "too-many-jobs",
                        message: "the helper has as many jobs as its policy permits; wait for one to end, or raise "
                            + "maximum-jobs or maximum-jobs-per-peer"
                    )
                ),
                0
            )
            if context.table.mayComplain() {
                context.log.write(.warning, "user id \(user) has as many jobs as the policy permits")
            }
            return refusal
        }
        helper_alarm(0)
        // Nobody else comes here any more.
        context.listener.closeNow()
        if afterStrangers { wakeSupervisor() }
        client.socket.takeDescriptors(true)
        return .client(client)
    }

    /// Whether the policy permits one more job of a daemon, this one counted already.
    ///
    /// What jobs have left behind counts apart: as much again, or a job that goes to the background would be none.
    private func hasRoom(for user: UInt32) -> Bool {
        let load = context.table.load(of: user)
        let (all, own) = (context.policy.maximumJobs, context.policy.maximumJobsPerPeer)
        return load.all.jobs <= all && load.all.remainders < all && load.ofTheUser.jobs <= own
            && load.ofTheUser.remainders < own
    }

    private func wakeSupervisor() {
        var one: UInt64 = 1
        _ = unsafe write(wake.rawValue, &one, MemoryLayout<UInt64>.size)
    }

    private static func groups(of socket: OwnedDescriptor) -> [UInt32] {
        // Few have many, and the most there can be are pages to be cleared for each connection (NGROUPS_MAX).
        for capacity in [64, 65_536] {
            var groups = [UInt32](repeating: 0, count: capacity)
            let count = unsafe socket_peer_groups(socket.rawValue, &groups, Int32(groups.count))
            if count >= 0 { return Array(groups.prefix(Int(count))) }
            guard count == -ERANGE else { break }
        }
        return []
    }

    /// Reads what the daemon wants.
    ///
    /// - Returns: `nil` when it wants nothing that can be launched, or does not say so in time.
    func receiveOrder(
        from client: Client
    ) -> (order: LaunchOrder, descriptors: [OwnedDescriptor], sequence: UInt64)? {
        let deadline = ContinuousClock.now + Self.patience
        var hasGreeted = false
        while true {
            let waited = Waiting.wait(for: [client.socket.descriptor.rawValue, signals.rawValue], until: deadline)
            if waited.contains(1) {
                // Its order may lie there already, and nobody reads it any more.
                let words = FailureReport(
                    code: .withdrawn,
                    step: LAUNCH_STEP_PREPARE.rawValue,
                    errno: 0,
                    operationText: "\(JobSession.stopping): nothing was started"
                )
                client.tell(.failed(words), 0)
                return nil
            }
            guard waited == [0], ContinuousClock.now < deadline else { return nil }
            switch client.nextFrame(context, mayLaunch: true) {
            case .none: continue
            case .end, .reset: return nil
            case .frame(let frame):
                switch frame.message {
                case .launch(let order):
                    client.socket.takeDescriptors(false)
                    return (order, frame.descriptors, frame.sequence)
                case .hello where hasGreeted: return nil
                case .hello(let version) where version != FrameHeader.version:
                    client.refuse(version: version, frame.sequence, context)
                    return nil
                case .hello:
                    hasGreeted = true
                    client.tell(.welcome(welcome), frame.sequence)
                case .adopt, .withdraw, .signal, .terminate:
                    let message = "there is no job on this connection yet; launch one first"
                    client.tell(.refused(Refusal(reason: "no-job", message: message)), frame.sequence)
                    return nil
                }
            }
        }
    }

    private var welcome: Welcome {
        let changesOwner: UInt32 = 0
        let kills: UInt32 = 5
        var features: Welcome.Features = []
        if context.controlGroups != nil { features.formUnion([.controlGroups, .endsEveryJob]) }
        if launch_has_capability(kills) == 1 { features.insert(.endsEveryJob) }
        if launch_has_capability(changesOwner) == 1 { features.insert(.terminals) }
        if !context.policy.sessionServices.isEmpty { features.insert(.sessions) }
        return Welcome(version: FrameHeader.version, helperProcessID: getpid(), features: features)
    }
}
