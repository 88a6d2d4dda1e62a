import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// Goes once through what every process of the helper does for a launch, before the first of them is forked.
///
/// What Swift makes when a type is used for the first time (its metadata, its conformances) is then there in all of them.
/// Nothing comes of it: the order is for the superuser, whom no policy permits, and no child is made.
struct Rehearsal {
    private let context: HelperContext

    init(_ context: HelperContext) {
        self.context = context
    }

    /// Whatever fails here fails, and says so, when it matters.
    func perform() {
        guard let (launcher, helper) = try? FrameSocket.pair() else { return }
        let client = Monitor.Client(socket: helper, userID: 0, groupID: 0, processID: getpid())
        tellEverything(client)
        hearEverything(launcher)
        let frame = ClientFrame(sequence: 1, message: .launch(order), descriptors: descriptors)
        guard let encoded = try? frame.encoded(),
            let outgoing = try? OutgoingFrame(encoded, descriptors: frame.descriptors),
            (try? launcher.send(outgoing)) == .sent,
            case .frame(let received) = client.nextFrame(context, mayLaunch: true),
            case .launch(let order) = received.message
        else { return }
        _ = try? Admission(context, client).admit(order, received.descriptors)
        plan(order)
        _ = context.table.load(of: 0)
        _ = Waiting.wait(for: [helper.descriptor.rawValue], until: .now)
        let leader = StartedChild(processID: getpid(), processDescriptor: OwnedDescriptor(-1))
        _ = SessionScan.find(treeOf: leader)
    }

    private var order: LaunchOrder {
        LaunchOrder(
            account: Array("root".utf8),
            credentials: ChildPlan.Credentials(userID: 0, groupID: 0, groups: [0]),
            executables: ["/bin/true"],
            arguments: [Array("true".utf8)],
            environment: [Array("HOME=/".utf8), Array("LANG=C".utf8)],
            workingDirectory: "/",
            fileModeCreationMask: 0o022,
            resourceLimits: [ChildPlan.Limit(resource: 4, soft: 0, hard: 0)],
            noNewPrivileges: true,
            emptiesBoundingSet: true,
            startDeadlineMilliseconds: 1
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
        let started = StartedReport(processID: 1, fellBack: false, startNanoseconds: 1)
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
