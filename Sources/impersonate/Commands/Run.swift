import ArgumentParser
import Glibc
import Impersonation
import QubeCompatibility
import SystemPackage

/// Runs a command as whoever the policy says.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a command as whoever the policy says.",
        usage: "impersonate run [<options>] -- <command> [<arguments> ...]",
        discussion: """
            The command gets this tool's standard streams, and the signals INT, TERM, HUP and QUIT that the tool \
            receives. The exit status is the command's; 128+N when signal N ended it; 124 when --timeout did; 125 when \
            it was refused or could not be started, when --timeout could not end it, and when nobody knows how it ended, with \
            the reason on standard error. 126 and 127 are always the command's own.

            With --stdin the first line of standard input is a password, which a terminal does not show: of the account that \
            the command runs as with the backend pam, of the caller with sudo. It is tried once. The command then gets no \
            standard input of this tool's, but with --tty the keys that are typed after the line.
            """
    )

    @OptionGroup var configurationOptions: ConfigurationOptions
    @OptionGroup var requestOptions: RequestOptions
    @OptionGroup var environmentOptions: EnvironmentOptions

    @Option(help: "How the account is switched to. The configuration decides unless set.")
    var backend: BackendChoice?

    @Option(
        help: """
            What separates this tool from the command until it runs, with the backend setuid. `direct` is faster, needs \
            root and fs.suid_dumpable=0, and gives up memory of its own for the process on its way: processes of the \
            account can hold up or end the launch, and a file system that hangs holds a thread of this tool.
            """
    )
    var isolation: IsolationChoice = .isolated

    @OptionGroup var helperOptions: HelperOptions
    @OptionGroup var sudoOptions: SudoOptions

    @Flag(
        name: .customLong("sudo-names-group"),
        help: "Name the primary group to sudo as well, which a rule with groups permits (impersonate sudoers --group)."
    )
    var namesGroup = false

    @Option(
        help: ArgumentHelp(
            "A directory of cgroup v2 where the command gets a cgroup of its own: everything it has started is ended with "
                + "it. Without one, what leaves the session of the command is not found again.",
            valueName: "directory"
        )
    )
    var controlGroups: String?

    @Option(
        help: ArgumentHelp(
            "How long the command may run: a number and s, m or h. It then gets TERM, and KILL 5 s later. If it has not ended "
                + "10 s after that, this tool says what is left, and goes.",
            valueName: "time"
        )
    )
    var timeout: TimeLimit?

    @Option(
        help: ArgumentHelp(
            "Where the command starts; the home directory of the account unless set.",
            valueName: "directory"
        )
    )
    var workingDirectory: String?

    @Option(
        help: ArgumentHelp("The nice value, from -20 to 19. The configuration decides unless set.", valueName: "value")
    )
    var nice: Int?

    @Option(
        help: ArgumentHelp("Where the report goes as one line of JSON; the file gets mode 0600.", valueName: "file")
    )
    var report: String?

    @Flag(help: "Print the report as one line of JSON to standard error, unless --report names a file.")
    var json = false

    @Flag(help: "Give the command a terminal of its own, and hand on this tool's keys, size and text.")
    var tty = false

    @Flag(
        name: .customLong("stdin"),
        help:
            "Read a password from standard input, one line, for the backend pam or sudo. The command gets no input then."
    )
    var readsPassword = false

    @Argument(parsing: .postTerminator, help: "The program and its arguments; no shell sees them.")
    var command: [String] = []

    func validate() throws {
        guard let program = command.first else {
            throw ValidationError("name the command after --, as in: impersonate run --login alice -- /usr/bin/id")
        }
        guard !program.isEmpty else { throw ValidationError("the name of the command is empty") }
        if let nice, !(-20...19).contains(nice) { throw ValidationError("--nice takes a number from -20 to 19") }
    }

    func run() async throws {
        let beginning = ContinuousClock.now
        let loaded = configurationOptions.loaded()
        if case .success(let loaded) = loaded { try checkOptions(for: loaded.configuration) }
        var request = ExecutionRequest(login: requestOptions.login, requestedAccount: requestOptions.account)
        var file: ReportFile?
        let preparation: Result<Preparation, any Error>
        do throws(ReportFile.Failure) {
            file = try reportFile()
            // Who answers the question for a password with a signal leaves no file behind.
            if readsPassword { file = nil }
            preparation = await prepare(&request, loaded)
            if readsPassword { file = try reportFile() }
        } catch {
            throw RunEnding(failure: error, request: request, executable: command[0]).tell(json: json)
        }
        let ending = await carryOut(preparation, request, since: beginning)
        var failure: ReportFile.Failure?
        do throws(ReportFile.Failure) {
            // First: standard error may be full, and a signal then ends the tool.
            try file.take()?.commit(ending.report)
        } catch {
            failure = error
        }
        let exitCode = ending.tell(json: json && report == nil)
        // The command has run: its exit status is worth more than the report.
        if let failure { Console.error(["impersonate: \(failure.message)"]) }
        throw exitCode
    }

    /// Refuses what would have no effect, before anything is done.
    private func checkOptions(for configuration: WorkerConfiguration) throws(ValidationError) {
        let backend = try BackendInUse(named: backend, configuration)
        try backend.mustStart()
        try backend.mustHeed(controlGroups: controlGroups)
        try backend.mustHeed(isolation, withControlGroups: controlGroups != nil)
        try backend.mustHeed(helperOptions, sudoOptions, namesGroup: namesGroup)
    }

    private func reportFile() throws(ReportFile.Failure) -> ReportFile? {
        guard let report else { return nil }
        return try ReportFile(FilePath(report))
    }

    /// What a command needs that runs, but for the file of its report.
    private struct Preparation {
        let worker: Worker
        let supervision: Supervision
    }

    /// Reads the configuration, and the password when everything else is there: nobody is to type one for nothing.
    private func prepare(
        _ request: inout ExecutionRequest,
        _ loaded: Result<LoadedConfiguration, ConfigurationError>
    ) async -> Result<Preparation, any Error> {
        do {
            let worker = Worker(try loaded.get().configuration)
            let caller = try await worker.caller()
            request.login = request.login ?? caller?.name.spelling
            let groups = try controlGroups.map { try ControlGroups(below: FilePath($0)) }
            // The terminal of a tool that is in the background yet is set as somebody else has it.
            if tty { _ = try TerminalRelay() }
            let password = readsPassword ? try await password(for: worker) : nil
            let supervision = Supervision(
                impersonator: try impersonator(worker, caller: caller, groups: groups, password: password),
                timeLimit: timeout?.duration,
                relay: tty ? try TerminalRelay() : nil
            )
            return .success(Preparation(worker: worker, supervision: supervision))
        } catch {
            return .failure(error)
        }
    }

    private func carryOut(
        _ preparation: Result<Preparation, any Error>,
        _ request: ExecutionRequest,
        since beginning: ContinuousClock.Instant
    ) async -> RunEnding {
        var ending: RunEnding
        switch preparation {
        case .success(let prepared):
            let supervision = prepared.supervision
            do throws(ToolFailure) {
                let result = try await supervision.run(
                    described(prepared.worker.configuration, terminal: supervision.relay?.described ?? .none),
                    for: request
                )
                ending = RunEnding(result, request: request, executable: command[0])
            } catch {
                ending = RunEnding(failure: error, request: request, executable: command[0])
            }
        case .failure(let error):
            ending = RunEnding(failure: error, request: request, executable: command[0])
        }
        ending.report.launch?.timings = Report.Timings(
            ending.timings,
            total: ContinuousClock.now - beginning
        )
        return ending
    }

    private func backend(of worker: Worker) -> BackendChoice {
        backend ?? BackendChoice(worker.configuration.launchBackend.value)
    }

    /// Reads the password, once it is clear what for; `nil` where the launcher refuses whatever it is.
    private func password(for worker: Worker) async throws -> SinglePassword? {
        let backend = backend(of: worker)
        guard worker.configuration.policy.mode.value != .desktop else {
            throw ToolFailure(
                "passwordNotUsed",
                "in desktop mode commands keep the account of the caller, and no password is proven; leave --stdin out"
            )
        }
        switch backend {
        case .pam: return try await PasswordInput.read(prompt: "Password of the account that the command runs as: ")
        case .sudo where geteuid() == 0: return nil
        case .sudo: return try await PasswordInput.read(prompt: "Password for sudo: ")
        case .setuid, .helper, .current:
            throw ToolFailure(
                "passwordNotUsed",
                "the backend \(backend.rawValue) proves no password; leave --stdin out, or use the backend pam or sudo"
            )
        }
    }

    private func impersonator(
        _ worker: Worker,
        caller: Account?,
        groups: ControlGroups?,
        password: SinglePassword?
    ) throws -> (@escaping @Sendable (LaunchedProcess) -> Void) -> Impersonator {
        let launcher: any ProcessLauncher
        let helper = helperOptions.launcher
        switch backend(of: worker) {
        case .setuid: launcher = SetUIDLauncher(isolation: isolation.isolation, controlGroups: groups)
        case .helper: launcher = helper
        case .current: launcher = CurrentUserLauncher(controlGroups: groups)
        case .pam:
            let service = worker.configuration.pamService.value
            if let password {
                launcher = PasswordLauncher(helper: helper, service: service, password: password)
            } else {
                launcher = PAMLauncher(through: helper, service: service)
            }
        case .sudo: launcher = sudoOptions.backend(groups, password: password, namesGroup: namesGroup)
        }
        let audit = try worker.auditLog()
        return { announce in
            Impersonator(
                resolver: CallerBoundResolver(resolver: worker.resolver, caller: caller),
                launcher: AnnouncingLauncher(launcher: launcher, announce: announce),
                currentAccountLauncher: AnnouncingLauncher(
                    launcher: CurrentUserLauncher(controlGroups: groups),
                    announce: announce
                ),
                audit: audit
            )
        }
    }

    private func described(_ configuration: WorkerConfiguration, terminal: JobTerminal) -> Command {
        let program = command[0]
        var described = Command(
            program.utf8.contains(UInt8(ascii: "/")) ? .path(FilePath(program)) : .name(program),
            arguments: Array(command.dropFirst())
        )
        described.terminal = terminal
        if terminal == .none {
            // A file that the password was read from can be read again.
            described.standardInput = readsPassword ? .null : .inherit
            described.standardOutput = .inherit
            described.standardError = .inherit
        }
        described.environment = environmentOptions.policy(configured: configuration.environment.value)
        described.niceness = nice ?? configuration.niceValue.value
        if let workingDirectory { described.workingDirectory = .path(FilePath(workingDirectory)) }
        return described
    }
}
