import CHelperService
import CLaunchPlan
import CLaunchProtocol
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// The helper as a program: everything that has to be right before the first daemon is served, and then the service.
package enum HelperProgram {
    /// Runs.
    ///
    /// - Parameter arguments: The arguments, the program's name left out.
    /// - Returns: The exit status.
    package static func run(_ arguments: [String]) -> Int32 {
        // Another program, but for its file: one to install, and to look after.
        guard arguments != [LookupRole.option] else { return LookupRole.run() }
        let log = HelperLog(isForJournal: unsafe getenv("JOURNAL_STREAM") != nil)
        do throws(HelperError) {
            guard helper_reap_children() == 0 else {
                throw HelperError(.system, "SIGCHLD cannot be given its default disposition")
            }
            guard helper_close_inherited(Listener.firstNotInherited) == 0 else {
                throw HelperError(.system, "what the helper was started with cannot be closed; is there a /dev/null?")
            }
            let options = try HelperOptions(arguments)
            if options.showsHelp {
                print(HelperOptions.usage, terminator: "")
                return 0
            }
            // The name service is asked in this process, and a service of it may go while it answers.
            signal(SIGPIPE, SIG_IGN)
            let policy = try loadPolicy(options.policy)
            if options.checksPolicy {
                print(policy.render(), terminator: "")
                return 0
            }
            try serve(policy, options, log)
            return 0
        } catch {
            for line in error.message.split(separator: "\n") { log.write(.error, String(line)) }
            return error.code.rawValue
        }
    }

    private static func loadPolicy(_ path: FilePath) throws(HelperError) -> HelperPolicy {
        do throws(PolicyError) {
            return try HelperPolicy.load(from: path, names: SystemPolicyNames())
        } catch {
            throw HelperError(error.mayPass ? .unavailable : .configuration, error.description)
        }
    }

    private static func serve(
        _ policy: HelperPolicy,
        _ options: HelperOptions,
        _ log: HelperLog
    ) throws(HelperError) {
        try Privileges.check(log)
        let precedence = try Privileges.takePrecedence()
        guard helper_protect() == 0, helper_is_protected() == 1 else {
            throw HelperError(.system, "the helper cannot be kept from being traced (PR_SET_DUMPABLE)")
        }
        guard helper_leave_streams() == 0 else {
            throw HelperError(.system, "standard input and output cannot be left; is there a /dev/null?")
        }
        umask(0o077)
        guard unsafe chdir("/") == 0 else { throw HelperError(.system, "the root directory cannot be entered") }
        if let directory = options.adoptionDirectory {
            try Listener.checkDirectory(directory)
            AdoptionSocket.removeLeftovers(in: directory)
        }
        if helper_dumpable_setting() == 1 {
            log.write(
                .warning,
                "fs.suid_dumpable is 1: for the moment of a signal, processes of the job's account can reach files of /proc "
                    + "of the helper's process; set it to 0 or 2"
            )
        }
        let inherited = try Listener.inherited()
        let isInherited = inherited != nil
        let (listener, place) = if let inherited { (inherited, SocketPlace?.none) } else { try made(options) }
        // A stranger's descriptors could stop whoever has to let go of them. They are taken from peers, once these are known.
        if isInherited { refuseDescriptors(of: listener, log) }
        if socket_takes_descriptors(listener.rawValue) == 1 {
            log.write(
                .warning,
                "this kernel cannot refuse descriptors (SO_PASSRIGHTS, Linux 6.16), with which whoever can connect may stop "
                    + "processes of the helper; let the mode and the group of the socket admit its peers alone"
            )
        }
        let context = HelperContext(
            policy: policy,
            listener: listener,
            table: try table(policy, options),
            trampoline: try trampoline(),
            controlGroups: try controlGroups(policy, log),
            sessions: try sessions(policy),
            adoptionDirectory: options.adoptionDirectory,
            log: log,
            parked: options.parked,
            separatesProcesses: separatesProcesses(precedence, policy),
            userID: geteuid(),
            groupID: getegid()
        )
        try prepareSessions(policy, log)
        // Others who change theirs have kept it from this session: that is somebody's doing.
        let level: HelperLog.Level = precedence == .refused(.resourceTemporarilyUnavailable) ? .warning : .info
        log.write(level, "precedence of the session over jobs: \(text(of: precedence, context))")
        let path = options.socket.map { " at \($0)" } ?? ""
        log.write(.info, "serving\(path) under \(options.policy)")
        try checkThreads()
        do throws(Errno) {
            var supervisor = try Supervisor(context)
            try supervisor.run()
        } catch {
            throw HelperError(.system, "the helper cannot go on: \(error)")
        }
        place?.leave()
    }

    /// Loaded with the names of the policy, modules of the name service are here to stay.
    private static func checkThreads() throws(HelperError) {
        guard helper_thread_count() != 1 else { return }
        throw HelperError(
            .unavailable,
            "a module of the name service or of PAM has made a thread of its own, so the helper cannot make processes safely; "
                + "look at nsswitch.conf and at the services of pam-services"
        )
    }

    /// What waits in the queue of a socket that somebody else has opened keeps what it has brought.
    private static func refuseDescriptors(of listener: OwnedDescriptor, _ log: HelperLog) {
        let tookThem = socket_takes_descriptors(listener.rawValue) == 1
        socket_take_descriptors(listener.rawValue, 0)
        guard tookThem, socket_takes_descriptors(listener.rawValue) == 0 else { return }
        log.write(
            .notice,
            "the socket took descriptors from everybody until now; set AcceptFileDescriptors=no in its unit (systemd 258)"
        )
    }

    private static func groupID(of name: String) throws(HelperError) -> UInt32 {
        if let number = UInt32(name) { return number }
        switch SystemPolicyNames().groupID(of: name) {
        case .number(let number):
            return number
        case .absent:
            throw HelperError(.usage, "there is no group \(name.onOneLine) for the socket; name one that there is")
        case .spelledOtherwise(let spelling):
            throw HelperError(
                .usage,
                "the name service spells the group \(name.onOneLine) for the socket \(spelling.onOneLine); write it as it does"
            )
        case .unavailable(let error):
            throw HelperError(
                .unavailable,
                "the name service could not be asked for the group \(name.onOneLine) for the socket: \(error); start the helper "
                    + "once it answers, or give the group id"
            )
        }
    }

    private static func made(_ options: HelperOptions) throws(HelperError) -> (OwnedDescriptor, SocketPlace?) {
        guard let socket = options.socket else {
            throw HelperError(.usage, "there is no socket: give --socket, or start the helper by its socket unit")
        }
        let group = try options.socketGroup.map(groupID)
        let made = try Listener.make(at: socket, mode: options.socketMode, group: group)
        return (made.listener, made.place)
    }

    private static func table(_ policy: HelperPolicy, _ options: HelperOptions) throws(HelperError) -> MonitorTable {
        // Jobs, what they leave behind, ends that are remembered, and whoever keeps a session for one of the first two alone.
        guard let table = MonitorTable(capacity: 5 * policy.maximumJobs + 256) else {
            throw HelperError(.system, "there is no memory for \(policy.maximumJobs) jobs; lower maximum-jobs")
        }
        return table
    }

    private static func sessions(_ policy: HelperPolicy) throws(HelperError) -> SessionDirectory? {
        guard policy.sessionIdleTime > .zero, !policy.sessionServices.isEmpty else { return nil }
        guard let directory = SessionDirectory() else {
            throw HelperError(
                .system,
                "there is no memory or no descriptor for sessions that jobs share; set pam-session-idle to 0"
            )
        }
        return directory
    }

    private static func trampoline() throws(HelperError) -> Trampoline {
        do throws(Errno) {
            return try Trampoline.shared()
        } catch {
            throw HelperError(
                .system,
                "there is no place for the trampoline (\(error)): the kernel runs no program from memory (vm.memfd_noexec), and "
                    + "/run, /var/lib, /var/tmp and /tmp are not writable or mounted noexec; allow one of them"
            )
        }
    }

    /// Sessions of PAM take root, all of it, from the first step to the last.
    private static func prepareSessions(_ policy: HelperPolicy, _ log: HelperLog) throws(HelperError) {
        guard !policy.sessionServices.isEmpty else { return }
        guard getuid() == 0, geteuid() == 0 else {
            throw HelperError(
                .notPermitted,
                "pam-services of the policy: modules of PAM open and close sessions as root, and the helper is user id "
                    + "\(geteuid()); start it as root, or take the line out"
            )
        }
        for service in policy.sessionServices {
            guard let problem = ServiceTrial.problem(of: service) else { continue }
            throw HelperError(
                .configuration,
                "pam-services of the policy: the PAM service \(service) cannot be used: \(problem); or take the service out of the policy"
            )
        }
        let missing = ServiceModules.load(for: policy.sessionServices)
        for service in policy.sessionServices {
            for file in ServiceFile(of: service).missing {
                log.write(
                    .warning,
                    "the PAM service \(service) needs \(file.string.onOneLine), which cannot be read; PAM takes the service other for what is missing"
                )
            }
        }
        guard !missing.isEmpty else { return }
        log.write(.warning, "modules of PAM that cannot be loaded: \(missing.joined(separator: ", "))")
    }

    /// Whether each process that looks after a job has a session, and so a share of the processor, of its own.
    ///
    /// All processes of the helper together have as much of it as one job otherwise, and what one account launches or signals
    /// delays the launches of others. Not where modules of PAM run in them: a process that leads a session gets the
    /// terminal that one of these opens (`O_NOCTTY` of `open(2)`).
    private static func separatesProcesses(_ precedence: SessionPrecedence.Outcome, _ policy: HelperPolicy) -> Bool {
        switch precedence {
        case .taken, .notOffered: false
        case .sharesSession, .refused: policy.sessionServices.isEmpty
        }
    }

    private static func text(of precedence: SessionPrecedence.Outcome, _ context: HelperContext) -> String {
        let instead = context.separatesProcesses ? "; each process that looks after a job has a session of its own" : ""
        return switch precedence {
        case .taken: "taken"
        case .sharesSession: "none, since others share the session" + instead
        case .notOffered: "none, since kernel.sched_autogroup_enabled is off"
        case .refused(.resourceTemporarilyUnavailable):
            "none, since others change the weight of their sessions all the time (/proc/PID/autogroup); end that, and start the "
                + "helper again" + instead
        case .refused(let error): "none, since the kernel refuses it (\(error))" + instead
        }
    }

    private static let withoutControlGroups =
        "without control-groups in the policy: the processes of a job are told by their session and their descent alone, so what "
        + "a job has started may go on when its process of the helper is killed, or where a module of PAM has left a process, "
        + "and jobs can have no limits for all of their processes together; name a directory of cgroup v2 there, with "
        + "Delegate=yes in the unit"

    private static func controlGroups(_ policy: HelperPolicy, _ log: HelperLog) throws(HelperError)
        -> ControlGroupParent?
    {
        guard let path = policy.controlGroups else {
            log.write(.notice, withoutControlGroups)
            return nil
        }
        let parent: ControlGroupParent
        do throws(ControlGroupError) {
            parent = try ControlGroupParent(opening: path, takingBackControllers: true)
        } catch {
            throw HelperError(.configuration, "control-groups of the policy: \(error.message)")
        }
        guard parent.holdsThisProcess else {
            parent.takePrecedence(in: "helper")
            return parent
        }
        // As a service with `Delegate=yes` starts: jobs can have no limits as long as the helper is there.
        guard !policy.keepingJobs.isPermitted else {
            log.write(
                .warning,
                "jobs can have no limits in \(path): the helper was started in it, and with jobs that outlive it the next one "
                    + "could not be; name a directory that is no unit's own, or set when-daemon-ends = kill"
            )
            return parent
        }
        do throws(ControlGroupError) {
            try parent.leave(for: "helper", takingPrecedence: true)
        } catch {
            log.write(.warning, "jobs can have no limits: \(error.message)")
        }
        return parent
    }
}
