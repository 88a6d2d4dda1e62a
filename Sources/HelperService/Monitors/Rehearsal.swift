import CHelperService
import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import LocalAccounts
import SystemPackage

/// Goes once through what every process of the helper does for a launch, before the first of them is forked.
///
/// What Swift makes when a type is used for the first time (its metadata, its conformances) is then there in all of them.
/// Nothing comes of it: the order is for the superuser, whom no policy permits, and for a directory instead of a program; no child
/// is made, and no module of PAM is asked for anything.
struct Rehearsal {
    private let context: HelperContext
    /// A word of the table, for as long as there are rehearsals.
    private let slot: Int
    /// Whether the name service is asked as well: only where the local files answer, for this process is not to stand still.
    private let asksNames: Bool

    /// How long there is for a lookup, which asks no directory for more than a part of that: nobody is served meanwhile.
    private static let patience = Duration.seconds(1)

    /// Prepares; `nil` when there is no room for another process, let alone for a rehearsal.
    ///
    /// - Parameter context: The helper.
    init?(_ context: HelperContext) {
        guard let slot = context.table.claim(.parked, for: getpid()) else { return nil }
        self.slot = slot
        // What comes of it is no news.
        self.context = context.silenced
        asksNames = (try? LocalFiles.ofThisHost().entry(.accountName(Self.accountName))) != nil
    }

    /// Gives back what rehearsals need.
    func end() {
        context.table.free(slot, of: getpid())
    }

    /// Whatever fails here fails, and says so, when it matters.
    func perform() {
        guard let (launcher, helper) = try? FrameSocket.pair() else { return }
        let client = Monitor.Client(socket: helper, userID: 0, groupID: 0, processID: getpid())
        tellEverything(client)
        hearEverything(launcher)
        send(.hello(version: FrameHeader.version), over: launcher)
        send(.launch(Self.order), descriptors, over: launcher)
        let nothing = OwnedDescriptor(-1)
        let monitor = Monitor(context: context, slot: slot, signals: nothing, wake: nothing)
        guard let received = monitor.receiveOrder(from: client) else { return }
        // Without the deadline of a launch, which ends the process.
        if asksNames {
            let check = Admission(context, client)
            let account = try? check.account(of: received.order, by: .now + Self.patience)
            if let account { _ = try? check.admit(received.order, account, received.descriptors) }
        }
        var nobodys = received.order
        // Which nobody is asked for.
        nobodys.account = [0xFF]
        JobSession(context, client, slot: slot, signals: nothing, sequence: received.sequence)
            .run(nobodys, received.descriptors)
        helper_deadline_forget()
        plan(received.order)
        if let service = context.policy.sessionServices.first {
            PAMSession.rehearse(received.order, SessionOrder(service: Array(service.utf8)), context)
        }
        received.order.wipeStrings()
        _ = context.table.load(of: 0)
        _ = Waiting.wait(for: [helper.descriptor.rawValue], until: .now)
        let leader = StartedChild(processID: getpid(), processDescriptor: OwnedDescriptor(-1))
        _ = SessionScan.find(treeOf: leader)
        _ = ProcessTree(leader: leader, group: nil, of: 0).hasRemainder
        hearEverything(launcher)
        makeTypes()
    }

    /// Makes types that are used for the first time where a rehearsal does not come: with a job that runs.
    private func makeTypes() {
        let types: [Any.Type] = [
            KeptSession?.self, SessionEffects?.self, JobStart?.self, SessionOrder?.self, StartedReport?.self,
            Result<Admission.Admitted, JobSession.Denial>.self, (LaunchOrder, [OwnedDescriptor], UInt64)?.self,
        ]
        let times: [ContinuousClock.Instant?] = [.now, nil]
        withExtendedLifetime((types, times, times.compactMap { $0 }.min())) {}
    }

    private func send(_ message: ClientMessage, _ descriptors: [OwnedDescriptor] = [], over launcher: FrameSocket) {
        let frame = ClientFrame(sequence: 1, message: message, descriptors: descriptors)
        guard let encoded = try? frame.encoded(),
            let outgoing = try? OutgoingFrame(encoded, descriptors: frame.descriptors)
        else { return }
        _ = try? launcher.send(outgoing)
    }

    private static let accountName = "root"

    private static var order: LaunchOrder {
        LaunchOrder(
            account: Array(accountName.utf8),
            credentials: ChildPlan.Credentials(userID: 0, groupID: 0, groups: [0]),
            // Nothing that could be run, whoever were to try.
            executables: ["/"],
            arguments: [Array("nothing".utf8)],
            environment: [Array("HOME=/".utf8), Array("LANG=C".utf8)],
            workingDirectory: "/",
            fileModeCreationMask: 0o022,
            resourceLimits: [ChildPlan.Limit(resource: 4, soft: 0, hard: 0)],
            noNewPrivileges: true,
            emptiesBoundingSet: true,
            startDeadlineMilliseconds: 10_000
        )
    }

    private var descriptors: [OwnedDescriptor] {
        (0..<3).compactMap { _ in try? OwnedDescriptor(moving: unsafe open("/dev/null", O_RDWR | O_CLOEXEC)) }
    }

    private func plan(_ order: LaunchOrder) {
        let plan = ChildPlan(
            executables: order.executables,
            workingDirectory: order.workingDirectory,
            fallbackDirectory: order.fallbackDirectory,
            streamFiles: order.streamFiles,
            errorFollowsOutput: order.errorFollowsOutput,
            niceness: Int(order.niceness),
            fileModeCreationMask: FilePermissions(rawValue: CInterop.Mode(order.fileModeCreationMask)),
            resourceLimits: order.resourceLimits,
            noNewPrivileges: order.noNewPrivileges,
            emptiesBoundingSet: order.emptiesBoundingSet,
            terminal: nil,
            extraDescriptorCount: 0,
            parent: ChildPlan.Parent(processID: getpid(), endSignal: SIGKILL)
        )
        let steps = plan.isolated(as: order.credentials, from: .current())
        _ = try? EncodedPlan(steps, kind: .isolated)
        unsafe ArgumentVector(bytes: order.arguments).withPointers { _ in }
    }

    private func tellEverything(_ client: Monitor.Client) {
        client.tell(.welcome(Welcome(version: FrameHeader.version, helperProcessID: getpid(), features: [])), 1)
        client.tell(.refused(Refusal(reason: "rehearsal", message: "")), 1)
        client.tell(.failed(FailureReport(code: .withdrawn, step: 1, errno: 0, operationText: "")), 1)
        let started = StartedReport(processID: 1, userID: 1, fellBack: false, startNanoseconds: 1)
        client.tell(.started(started), 1, descriptors: Array(descriptors.prefix(1)))
        let ended = HelperExitReport(
            code: .exited,
            status: 0,
            wallMicroseconds: 1,
            userMicroseconds: 1,
            systemMicroseconds: 1,
            peakResidentBytes: 1,
            blockInputOperations: 1,
            blockOutputOperations: 1,
            groupPeaks: nil,
            remainingProcesses: 0
        )
        client.tell(.exited(ended), 1)
    }

    private func hearEverything(_ launcher: FrameSocket) {
        while case .frame? = try? launcher.receive() {}
    }
}
