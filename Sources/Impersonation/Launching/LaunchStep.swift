import CLaunchPlan
import LaunchPlan

/// One step on the way from a command to a running program.
///
/// The steps have the numbers of `enum launch_step` of the C interpreter; a test keeps the two equal.
public struct LaunchStep: RawRepresentable, Sendable, Hashable {
    /// The number of the step.
    public let rawValue: UInt32

    /// Creates a step from its number.
    ///
    /// - Parameter rawValue: The number of the step.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    private init(_ rawValue: UInt32) {
        self.rawValue = rawValue
    }

    init(_ step: launch_step) {
        rawValue = step.rawValue
    }

    /// In the daemon: the command and everything it needs is worked out.
    public static let prepare = LaunchStep(1)

    /// In the daemon: pipes and descriptors are made.
    public static let createPipes = LaunchStep(2)

    /// In the daemon: the trampoline is made ready to run.
    public static let createTrampoline = LaunchStep(3)

    /// In the daemon: the child is cloned (`clone3(2)`).
    public static let clone = LaunchStep(4)

    /// In the daemon: the system helper is asked (`connect(2)`).
    public static let connect = LaunchStep(6)

    /// In the daemon: the job gets a cgroup of its own (`cgroups(7)`).
    public static let createControlGroup = LaunchStep(5)

    /// In the child: it enters its cgroup, where it could not be cloned into it.
    public static let joinControlGroup = LaunchStep(15)

    /// In the child: its table of descriptors becomes its own (`close_range(2)`).
    public static let unshareDescriptors = LaunchStep(10)

    /// In the child: a descriptor takes its place (`dup3(2)`).
    public static let placeDescriptor = LaunchStep(11)

    /// In the child: every other descriptor is closed with the exec (`close_range(2)`).
    public static let sealDescriptors = LaunchStep(12)

    /// In the child: it becomes the trampoline (`execveat(2)`).
    public static let executeTrampoline = LaunchStep(13)

    /// In the child of a daemon that is not root: the capabilities that the switch needs survive the exec of the
    /// trampoline (`PR_CAP_AMBIENT`).
    public static let keepCapabilities = LaunchStep(14)

    /// In the trampoline: the plan is read and checked.
    public static let readPlan = LaunchStep(20)

    /// Every signal gets its default disposition (`rt_sigaction(2)`).
    public static let resetSignals = LaunchStep(21)

    /// A session and a process group of its own (`setsid(2)`).
    public static let newSession = LaunchStep(22)

    /// The pseudo-terminal becomes the controlling terminal (`TIOCSCTTY`).
    public static let controllingTerminal = LaunchStep(57)

    /// The pseudo-terminal becomes the account's (`fchmod(2)`, `fchown(2)`).
    public static let ownTerminal = LaunchStep(58)

    /// The ordinary scheduler (`sched_setscheduler(2)`).
    public static let scheduling = LaunchStep(23)

    /// The ordinary priority of input and output (`ioprio_set(2)`).
    public static let ioPriority = LaunchStep(24)

    /// The nice value (`setpriority(2)`).
    public static let niceness = LaunchStep(25)

    /// No protection from the out-of-memory killer (`/proc/self/oom_score_adj`).
    public static let oomScore = LaunchStep(26)

    /// A session keyring of its own (`keyctl(2)`).
    public static let sessionKeyring = LaunchStep(27)

    /// A resource limit (`prlimit(2)`).
    public static let resourceLimit = LaunchStep(28)

    /// The capability bounding set (`PR_CAPBSET_DROP`).
    public static let boundingSet = LaunchStep(29)

    /// The ambient capabilities (`PR_CAP_AMBIENT`).
    public static let ambientSet = LaunchStep(30)

    /// The inheritable capabilities (`capset(2)`).
    public static let inheritableSet = LaunchStep(31)

    /// The supplementary groups (`setgroups(2)`).
    public static let groups = LaunchStep(32)

    /// Real, effective and saved group id (`setresgid(2)`).
    public static let groupID = LaunchStep(33)

    /// The effective user id, in direct mode, before files are opened (`setresuid(2)`).
    public static let effectiveUserID = LaunchStep(34)

    /// Real, effective and saved user id (`setresuid(2)`).
    public static let userID = LaunchStep(35)

    /// Every capability given up (`capset(2)`).
    public static let capabilities = LaunchStep(36)

    /// In the trampoline: nobody of the account may look into it (`PR_SET_DUMPABLE`).
    public static let notDumpable = LaunchStep(51)

    /// No privilege can be gained any more (`PR_SET_NO_NEW_PRIVS`).
    public static let noNewPrivileges = LaunchStep(37)

    /// The user ids are read back (`getresuid(2)`).
    public static let verifyUserID = LaunchStep(38)

    /// The group ids are read back (`getresgid(2)`).
    public static let verifyGroupID = LaunchStep(39)

    /// The supplementary groups are read back (`getgroups(2)`).
    public static let verifyGroups = LaunchStep(40)

    /// The capabilities are read back (`capget(2)`).
    public static let verifyCapabilities = LaunchStep(41)

    /// Taking the daemon's ids back is tried, and has to be refused.
    public static let verifyNoRegain = LaunchStep(42)

    /// The bar to new privileges is read back (`PR_GET_NO_NEW_PRIVS`).
    public static let verifyNoNewPrivileges = LaunchStep(43)

    /// The file mode creation mask (`umask(2)`).
    public static let fileModeCreationMask = LaunchStep(44)

    /// The working directory, entered as the account (`chdir(2)`).
    public static let workingDirectory = LaunchStep(45)

    /// A file for a standard stream, opened as the account (`openat(2)`).
    public static let openStream = LaunchStep(46)

    /// Every other descriptor is closed with the exec (`close_range(2)`).
    public static let closeDescriptors = LaunchStep(47)

    /// In the trampoline: its own descriptors make room for extra ones of the job (`dup3(2)`).
    public static let moveDescriptors = LaunchStep(56)

    /// The child still has the parent that started it, and is told of its end (`PR_SET_PDEATHSIG`).
    public static let parent = LaunchStep(53)

    /// The point of no return: the child takes the token of the launch, or finds that the launch was withdrawn.
    public static let commit = LaunchStep(52)

    /// The child reports that everything is prepared and proven.
    public static let report = LaunchStep(48)

    /// The empty signal mask (`rt_sigprocmask(2)`).
    public static let signalMask = LaunchStep(49)

    /// The child becomes the job (`execve(2)`).
    public static let execute = LaunchStep(50)

    /// In the daemon: the confirmation that the job runs is waited for.
    public static let confirm = LaunchStep(60)

    /// In the daemon: what the kernel says of the job is compared with what was asked for (``LaunchReport/attestation``).
    ///
    /// The one step after the exec: a job that fails it has run for the moment that took.
    public static let verifyOutside = LaunchStep(61)

    /// In the daemon: the end of the job is waited for (`waitid(2)`).
    public static let wait = LaunchStep(62)

    /// In the system helper: PAM reads the service file and loads its modules (`pam_start(3)`).
    public static let startSession = LaunchStep(70)

    /// In the system helper: the password is proven (`pam_authenticate(3)`).
    public static let authenticate = LaunchStep(71)

    /// In the system helper: PAM says whether the account may come in now (`pam_acct_mgmt(3)`).
    public static let checkAccount = LaunchStep(72)

    /// In the system helper: groups, tickets and other credentials of the account (`pam_setcred(3)`).
    public static let establishCredentials = LaunchStep(73)

    /// In the system helper: the session (`pam_open_session(3)`).
    public static let openSession = LaunchStep(74)

    /// In the system helper: the end of the session (`pam_close_session(3)`).
    public static let closeSession = LaunchStep(75)
}

extension LaunchStep: CustomStringConvertible {
    private static let names: [LaunchStep: String] = [
        .prepare: "prepare", .createPipes: "createPipes", .createTrampoline: "createTrampoline", .clone: "clone",
        .connect: "connect",
        .createControlGroup: "createControlGroup", .joinControlGroup: "joinControlGroup",
        .unshareDescriptors: "unshareDescriptors", .placeDescriptor: "placeDescriptor",
        .sealDescriptors: "sealDescriptors", .keepCapabilities: "keepCapabilities",
        .executeTrampoline: "executeTrampoline", .readPlan: "readPlan",
        .resetSignals: "resetSignals", .newSession: "newSession", .scheduling: "scheduling",
        .ioPriority: "ioPriority", .niceness: "niceness", .oomScore: "oomScore", .sessionKeyring: "sessionKeyring",
        .resourceLimit: "resourceLimit", .boundingSet: "boundingSet", .ambientSet: "ambientSet",
        .inheritableSet: "inheritableSet", .groups: "groups", .groupID: "groupID", .effectiveUserID: "effectiveUserID",
        .userID: "userID", .capabilities: "capabilities", .noNewPrivileges: "noNewPrivileges",
        .verifyUserID: "verifyUserID", .verifyGroupID: "verifyGroupID", .verifyGroups: "verifyGroups",
        .verifyCapabilities: "verifyCapabilities", .verifyNoRegain: "verifyNoRegain",
        .verifyNoNewPrivileges: "verifyNoNewPrivileges", .fileModeCreationMask: "fileModeCreationMask",
        .workingDirectory: "workingDirectory", .openStream: "openStream", .closeDescriptors: "closeDescriptors",
        .controllingTerminal: "controllingTerminal", .ownTerminal: "ownTerminal", .notDumpable: "notDumpable",
        .moveDescriptors: "moveDescriptors", .parent: "parent", .commit: "commit",
        .report: "report", .signalMask: "signalMask", .execute: "execute", .confirm: "confirm",
        .verifyOutside: "verifyOutside", .wait: "wait",
        .startSession: "startSession", .authenticate: "authenticate", .checkAccount: "checkAccount",
        .establishCredentials: "establishCredentials", .openSession: "openSession", .closeSession: "closeSession",
    ]

    /// The name of the step as reports and logs spell it.
    public var description: String { Self.names[self] ?? "step\(rawValue)" }
}

extension ChildOperation {
    /// The step that a failure of the operation is reported as.
    var launchStep: LaunchStep { LaunchStep(step) }
}
