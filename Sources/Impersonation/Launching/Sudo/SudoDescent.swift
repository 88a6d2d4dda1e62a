import CLaunchPlan
import LaunchPlan
import SystemPackage

/// A launcher that is what it should be: a descendant of the `sudo` that this process has started, with the ids and all the groups
/// of the account, in its cgroup.
struct SudoDescent {
    let job: StartedChild
    let leader: SessionScan.Member

    /// `sudo`, and what else is between it and the job.
    let helpers: Set<SessionScan.Member>

    /// Who is between `sudo` and the job, each behind the one that has started it.
    let between: [StartedChild]

    /// What differs.
    struct Problem: Error {
        var errno: Errno?
        let message: String
    }

    /// More than `sudo`, `su` and a shell.
    private static let generations = 8

    /// Looks at whoever has said hello, and waits for an order.
    ///
    /// - Throws: ``Problem``.
    init(
        of greeting: SudoSocket.Greeting,
        from sudo: StartedChild,
        expecting credentials: ChildPlan.Credentials,
        in group: ExpectedGroup?
    ) throws(Problem) {
        guard greeting.userID == credentials.userID, greeting.groupID == credentials.groupID else {
            throw Problem(
                message: "sudo has switched to user id \(greeting.userID) and group id \(greeting.groupID), and not to "
                    + "\(credentials.userID) and \(credentials.groupID); look at what the name service says of the account "
                    + "to sudo, or name the group (SudoProfile.namesGroup)"
            )
        }
        let process = greeting.processID
        guard process != sudo.processID else {
            throw Problem(
                message:
                    "sudo has become the launcher, and nobody waits for the job; let it keep a session of PAM: take "
                    + "!pam_session and !pam_setcred off the daemon, and use a sudo that was built with PAM"
            )
        }
        job = try Self.reading { () throws(Errno) in try Self.open(process) }
        let stat = try Self.reading { () throws(Errno) in try ProcessStat(of: process) }
        leader = SessionScan.Member(process: process, startTime: stat.startTime)
        (helpers, between) = try Self.reading { () throws(Errno) in try Self.ancestors(of: process, stat, upTo: sudo) }
        guard helpers.contains(where: { $0.process == sudo.processID }), greeting.parent == stat.parent,
            stat.session == process
        else {
            throw Problem(message: "who answers was not started by this sudo; nothing was run")
        }
        let proof = OutsideProof(credentials: credentials, emptyBoundingSet: false)
        let difference = try Self.reading { () throws(Errno) in
            try proof.identityDifference(of: process, comparingGroups: true)
        }
        if let difference {
            throw Problem(
                message:
                    "\(difference): that is what sudo has given it; look at what the name service says of the account to "
                    + "sudo, and at preserve_groups and group_plugin in the rules"
            )
        }
        try Self.require(inGroup: group, process)
        // All that was read was said of the process that the descriptor means: nobody else can have had its number so far.
        guard job.isRunning else { throw Problem(message: "the launcher has ended before it became the job") }
    }

    private static func require(inGroup group: ExpectedGroup?, _ process: Int32) throws(Problem) {
        guard let group else { return }
        guard try Self.reading({ () throws(Errno) in try group.contains(process) }) else {
            throw Problem(
                message:
                    "the job is not in its cgroup: a session module of PAM (pam_systemd) has moved it; take it out of "
                    + "/etc/pam.d/sudo, or leave the cgroups out"
            )
        }
    }

    private static func open(_ process: Int32) throws(Errno) -> StartedChild {
        let descriptor = linux_pidfd_open(process)
        guard descriptor >= 0 else { throw Errno(rawValue: -descriptor) }
        return StartedChild(processID: process, processDescriptor: OwnedDescriptor(descriptor))
    }

    private static func ancestors(
        of process: Int32,
        _ stat: ProcessStat,
        upTo sudo: StartedChild
    ) throws(Errno) -> (helpers: Set<SessionScan.Member>, between: [StartedChild]) {
        var helpers: Set<SessionScan.Member> = []
        var between: [StartedChild] = []
        var (child, next) = (process, stat.parent)
        while helpers.count < generations, next > 1 {
            guard next != sudo.processID else {
                helpers.insert(SessionScan.Member(process: next, startTime: try ProcessStat(of: next).startTime))
                break
            }
            let ancestor = try open(next)
            let stat = try ProcessStat(of: next)
            // Who still is the parent has been it all the time: its number, and so the descriptor, can be nobody else's.
            guard try ProcessStat(of: child).parent == next else { break }
            helpers.insert(SessionScan.Member(process: next, startTime: stat.startTime))
            between.insert(ancestor, at: 0)
            (child, next) = (next, stat.parent)
        }
        return (helpers, between)
    }

    private static func reading<R>(_ body: () throws(Errno) -> R) throws(Problem) -> R {
        do throws(Errno) {
            return try body()
        } catch {
            let message =
                switch error {
                case .tooManyOpenFiles, .tooManyOpenFilesInSystem:
                    "no descriptor is left to look at who answers; raise the limit of open files (RLIMIT_NOFILE, fs.file-max)"
                case .noSuchProcess:
                    "who answers, or what has started it, ended before anybody could tell who it is"
                default:
                    "/proc does not show the launcher, so nobody can tell who it is; mount it so that this daemon sees "
                        + "the processes of others (hidepid, gid= of proc(5))"
                }
            throw Problem(errno: error, message: message)
        }
    }
}
