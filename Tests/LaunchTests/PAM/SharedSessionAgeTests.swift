import CHelperService
import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage
import Testing

@testable import HelperService

@Suite("A session of PAM that is older than jobs may join", .testBed)
struct SharedSessionAgeTests {
    /// How long whatever is tested here may take.
    private static let patience = Duration.seconds(30)

    private static let accountOrder = LaunchOrder(
        account: Array(TestBed.alice.name.utf8),
        credentials: ChildPlan.Credentials(
            userID: TestBed.alice.userID,
            groupID: TestBed.alice.groupID,
            groups: TestBed.alice.groups
        ),
        executables: ["/bin/true"],
        arguments: [Array("true".utf8)],
        environment: [],
        workingDirectory: "/",
        fileModeCreationMask: 0o022,
        noNewPrivileges: true,
        emptiesBoundingSet: true,
        startDeadlineMilliseconds: 5_000
    )

    /// Keeps a session, in a process that has one thread as those of the helper have.
    ///
    /// - Returns: The status for the end of that.
    private static func keep(_ name: String, idleTime: Duration, age: Duration) -> Int32 {
        let nothing = OwnedDescriptor(-1)
        // A session takes the environment away that it stands in.
        let journal = "\(TestBed.directory)/tmp/\(name)"
        let wanted = SessionOrder(service: Array(name.utf8))
        guard let table = MonitorTable(capacity: 4), let directory = SessionDirectory(),
            let trampoline = try? Trampoline.shared(),
            let policy = try? HelperPolicy(
                PolicyFile(parsing: Array("peers = 0\naccounts = *\n".utf8), from: "policy"),
                names: SystemPolicyNames()
            ), let slot = table.claim(.serving(0), for: getpid())
        else { return 2 }
        let context = HelperContext(
            policy: policy,
            listener: nothing,
            table: table,
            trampoline: trampoline,
            controlGroups: nil,
            sessions: directory,
            adoptionDirectory: nil,
            log: .silent,
            userID: 0,
            groupID: 0
        )
        let key = SessionKey(accountOrder, wanted, peer: 0)
        let found = directory.find(key.digest, opening: true, in: table, until: .now, unless: { false })
        guard case .mine(let index) = found,
            let (session, effects) = try? PAMSession.open(
                accountOrder,
                wanted,
                provenBy: nil,
                context,
                StepDeadline(nil, 0, signals: nothing),
                until: .now + patience
            )
        else { return 3 }
        let kept = KeptSession(
            key: key,
            effects: effects,
            place: index,
            generation: directory.generation(index)
        )
        guard var keeper = try? SessionKeeper(context, directory, session, kept, idleTime: idleTime, age: age) else {
            return 4
        }
        let child = helper_fork()
        if child == 0 { _exit(lastJob(journal, directory, table, key.digest)) }
        guard child > 0, table.hand(slot, from: getpid(), to: child) else { return 5 }
        keeper.run(firstChild: child, after: 0)
        return 0
    }

    /// Is a job until nobody can join its session, and says so where the modules do.
    private static func lastJob(
        _ journal: String,
        _ directory: SessionDirectory,
        _ table: MonitorTable,
        _ digest: UInt64
    ) -> Int32 {
        let deadline = ContinuousClock.now + patience / 2
        while case .open(let index, _) = directory.find(
            digest,
            opening: false,
            in: table,
            until: deadline,
            unless: { false }
        ) {
            directory.retract(index, of: getpid())
            // There is hardly a moment without a job on its way, and it is closed nevertheless.
            guard ContinuousClock.now < deadline else { return 6 }
        }
        let line = Array("last 0 0 \(getpid()) alice\n".utf8)
        let file = unsafe open(journal, O_WRONLY | O_APPEND)
        return unsafe write(file, line, line.count) == line.count ? 0 : 7
    }

    @Test("takes no more of them, and is closed when its last one has ended")
    func age() async throws {
        let service = try PAMService(scripted: "*:info=x")
        await #expect(processExitsWith: .success) { [name = service.name as String] in
            let child = helper_fork()
            if child == 0 { _exit(Self.keep(name, idleTime: .seconds(3_600), age: .zero)) }
            let process = OwnedDescriptor(linux_pidfd_open(child))
            let isDone = Waiting.wait(for: [process.rawValue], until: .now + Self.patience) == [0]
            if !isDone { kill(child, SIGKILL) }
            var status: Int32 = -1
            #expect(unsafe waitpid(child, &status, 0) == child && isDone && status == 0)
        }
        #expect(service.stages == ["account", "cred", "open", "last", "close", "uncred"])
    }
}
