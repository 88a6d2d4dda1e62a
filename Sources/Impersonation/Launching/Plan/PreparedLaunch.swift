import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage

/// A command worked out for one account: nothing is looked up, made or decided after it.
struct PreparedLaunch {
    /// `argv`, its first element included.
    let arguments: [String]
    let environment: JobEnvironment
    let credentials: ChildPlan.Credentials

    private let command: Command
    private let identity: ExecutionIdentity
    private let executables: [FilePath]

    /// Works a command out.
    ///
    /// - Parameters:
    ///   - command: What is run.
    ///   - identity: Whom it runs as.
    /// - Throws: ``LaunchError`` with the step `prepare` when the command cannot be run as it is described.
    init(_ command: Command, as identity: ExecutionIdentity) throws(LaunchError) {
        try Self.check(command, for: identity.account)
        self.command = command
        self.identity = identity
        environment = try JobEnvironment(
            command.environment,
            for: identity.account,
            extraDescriptors: command.extraDescriptors.map(\.name),
            terminal: command.terminal
        )
        credentials = ChildPlan.Credentials(identity.account)
        if command.environment == .login {
            executables = [identity.account.shell]
            arguments = try LoginShell.arguments(
                of: identity.account,
                toRun: command.executable,
                command.arguments
            )
        } else {
            executables = Self.candidates(for: command.executable)
            arguments = [command.argumentZero ?? command.executable.spelling] + command.arguments
        }
    }

    /// The directory the job starts in, given what the child says of it.
    ///
    /// - Parameter fellBack: Whether the child could not enter the home directory.
    /// - Returns: The directory.
    func workingDirectory(fellBack: Bool) -> FilePath {
        switch command.workingDirectory {
        case .path(let path): path
        case .home: fellBack ? "/" : identity.account.homeDirectory
        }
    }

    /// The pure plan of the child.
    ///
    /// - Parameter streams: The standard streams of the child.
    /// - Returns: The plan.
    func plan(with streams: StreamPlumbing) -> ChildPlan {
        let directory: (FilePath, FilePath?) =
            switch command.workingDirectory {
            case .path(let path): (path, nil)
            case .home: identity.account.homeDirectory.isAbsolute ? (identity.account.homeDirectory, "/") : ("/", nil)
            }
        return ChildPlan(
            executables: executables,
            workingDirectory: directory.0,
            fallbackDirectory: directory.1,
            streamFiles: streams.files,
            errorFollowsOutput: streams.errorFollowsFile,
            niceness: command.niceness,
            fileModeCreationMask: command.fileModeCreationMask,
            resourceLimits: command.resourceLimits.all.map { resource, limit in
                ChildPlan.Limit(resource: resource.rawValue, soft: limit.soft, hard: limit.hard)
            },
            noNewPrivileges: command.noNewPrivileges,
            emptiesBoundingSet: command.capabilityBoundingSet == .empty,
            terminal: streams.terminal?.access(for: credentials),
            extraDescriptorCount: Int32(command.extraDescriptors.count)
        )
    }

    /// What the processes of the job may use together.
    var treeLimits: ControlGroupLimits {
        ControlGroupLimits(
            processes: command.treeLimits.processes.map { UInt64(max(0, $0)) },
            memoryBytes: command.treeLimits.memoryBytes,
            processorWeight: command.treeLimits.processorWeight.map { UInt64(max(0, $0)) },
            processorQuotaMicroseconds: command.treeLimits.processorQuota.map(Self.microseconds)
        )
    }

    /// What a quota is in each period; 0, which nobody may have, where it is no such number.
    private static func microseconds(_ quota: Double) -> UInt64 {
        UInt64(exactly: (quota * Double(ControlGroupLimits.quotaPeriodMicroseconds)).rounded()) ?? 0
    }

    /// Makes the cgroup of the job.
    ///
    /// - Parameter groups: Where the launcher makes groups, if it does.
    /// - Returns: The group, or `nil` when jobs have none.
    /// - Throws: ``LaunchError`` with the step `createControlGroup`.
    func makeGroup(in groups: ControlGroups?) throws(LaunchError) -> ControlGroup? {
        let limits = treeLimits
        guard let groups else {
            guard limits.isEmpty else {
                throw LaunchError(
                    .notPermitted,
                    step: .createControlGroup,
                    message: "the job has limits for all its processes together, and the launcher gives jobs no "
                        + "cgroup; make the launcher with ControlGroups, or leave the limits out"
                )
            }
            return nil
        }
        do throws(ControlGroupError) {
            return try groups.parent.makeGroup(limits, command.daemonEnd == .goOn ? .kept : .job)
        } catch {
            let code: LaunchError.Code = error.lacksControllers ? .notPermitted : .stepFailed
            throw LaunchError(code, step: .createControlGroup, errno: error.errno, message: error.message)
        }
    }

    /// A path is taken as it is; a name is searched in the job's search path, in the child, as the account.
    private static func candidates(for executable: Executable) -> [FilePath] {
        switch executable {
        case .path(let path): [path]
        case .name(let name):
            EnvironmentDangers.searchPath.split(separator: ":").map { FilePath(String($0)).appending(name) }
        }
    }

    /// `PID_MAX_LIMIT` of the kernel, above which `pids.max` takes no number.
    private static let mostProcesses = 4_194_304

    /// Why no group can have certain limits.
    ///
    /// The kernel alone would say `EINVAL` of some, and take a 0 for a limit with which nothing runs.
    private static func problem(of limits: ProcessTreeLimits) -> String? {
        if let processes = limits.processes, processes < 1 {
            return "\(processes) is no limit for processes, since the first one counts as well; give 1 or more"
        }
        if let processes = limits.processes, processes > mostProcesses {
            return
                "\(processes) is no limit for processes, since no kernel has more than \(mostProcesses); leave it out for none"
        }
        if let memory = limits.memoryBytes, memory < getpagesize() {
            return "no job runs with \(memory) bytes of memory; give more"
        }
        let weights = ControlGroupLimits.processorWeights
        if let weight = limits.processorWeight, !weights.contains(UInt64(max(0, weight))) {
            return
                "\(weight) is no share of the processor; give one from \(weights.lowerBound) to \(weights.upperBound), where 100 "
                + "is what others have"
        }
        let quotas = ControlGroupLimits.processorQuotas
        if let quota = limits.processorQuota, !quotas.contains(microseconds(quota)) {
            let period = Double(ControlGroupLimits.quotaPeriodMicroseconds)
            return
                "\(quota) is no quota of processors; give one from \(Double(quotas.lowerBound) / period), a hundredth of one, to "
                + "\(quotas.upperBound / ControlGroupLimits.quotaPeriodMicroseconds)"
        }
        return nil
    }

    private static func check(_ command: Command, for account: Account) throws(LaunchError) {
        func refuse(_ message: String) -> LaunchError {
            LaunchError(.invalidCommand, step: .prepare, account: account.name, message: message)
        }
        switch command.executable {
        case .path(let path):
            guard !path.isEmpty else { throw refuse("no program is named; name one") }
        case .name(let name):
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")), name != ".", name != ".." else {
                throw refuse("\"\(name)\" is not the name of a program; give a path, or a name without a slash")
            }
        }
        let texts = [command.executable.spelling, command.argumentZero ?? ""] + command.arguments
        guard !texts.contains(where: { $0.utf8.contains(0) }) else {
            throw refuse("an argument holds a zero byte, which no program can be given; take it out")
        }
        guard (-20...19).contains(command.niceness) else {
            throw refuse("nice value \(command.niceness) is not between -20 and 19; choose one that is")
        }
        guard command.startDeadline > .zero else {
            throw refuse("the start deadline is \(command.startDeadline); give the launch some time")
        }
        if let problem = problem(of: command.treeLimits) { throw refuse(problem) }
        var paths: [FilePath] = []
        if case .path(let path) = command.executable { paths.append(path) }
        if case .path(let path) = command.workingDirectory { paths.append(path) }
        if case .file(let path) = command.standardInput { paths.append(path) }
        for case .file(let path, _) in [command.standardOutput, command.standardError] { paths.append(path) }
        guard paths.allSatisfy({ $0.length < PATH_MAX }) else {
            throw refuse("a path has \(PATH_MAX) bytes or more, which the kernel takes from nobody; shorten it")
        }
        if case .path(let path) = command.workingDirectory, !path.isAbsolute {
            throw refuse(
                "working directory \(path) is relative, and a job has nothing it could be relative to; name it in full"
            )
        }
        guard command.standardOutput != .standardOutput else {
            throw refuse("standard output cannot go where standard output goes; only standard error can")
        }
        for stream in [command.standardOutput, command.standardError] {
            if case .captured(let limit) = stream, limit < 0 {
                throw refuse("\(limit) is no limit for captured output; give a number of bytes")
            }
        }
        if command.terminal != .none {
            guard command.standardInput == .null, command.standardOutput == .null, command.standardError == .null else {
                throw refuse(
                    "a job's terminal is all of its standard streams; leave them unset, or leave the terminal out"
                )
            }
        }
        guard command.extraDescriptors.count <= LAUNCH_EXTRA_DESCRIPTORS_MAXIMUM else {
            throw refuse(
                "\(command.extraDescriptors.count) extra descriptors are more than the "
                    + "\(LAUNCH_EXTRA_DESCRIPTORS_MAXIMUM) a job may have; send it the others over a socket"
            )
        }
        if command.environment == .login, command.argumentZero != nil {
            throw refuse("with a login environment the shell names the program; leave the argument zero out")
        }
    }
}

extension ChildPlan.Credentials {
    /// The numbers of an account.
    init(_ account: Account) {
        self.init(
            userID: account.userID.rawValue,
            groupID: account.groupID.rawValue,
            groups: account.groups.map(\.rawValue)
        )
    }
}
