import FoundationEssentials
public import Impersonation
public import Logging
import QubeCompatibility
import SystemPackage

/// Takes one job through its whole life: whose it is, what it says, as whom it runs, its end, its result.
public struct JobRunner: Sendable {
    private let impersonator: Impersonator
    private let directory: any AccountDirectory
    private let audit: any AuditLog
    private let settings: JobSettings
    private let running: RunningJobs
    private let logger: Logger

    /// Puts together what jobs need.
    ///
    /// - Parameters:
    ///   - impersonator: Decides, launches and writes down.
    ///   - directory: Tells whose account a file's owner is.
    ///   - audit: Where files are written down that claim to be somebody else's, or were meant for another spool.
    ///   - settings: What holds for every job.
    ///   - running: Where running processes are kept.
    ///   - logger: Where the worker tells what it does.
    public init(
        impersonator: Impersonator,
        directory: any AccountDirectory,
        audit: any AuditLog,
        settings: JobSettings,
        running: RunningJobs,
        logger: Logger
    ) {
        self.impersonator = impersonator
        self.directory = directory
        self.audit = audit
        self.settings = settings
        self.running = running
        self.logger = logger
    }

    /// Takes one job through its life and waits for its end.
    ///
    /// Nothing that a job or its file does makes this fail: whatever happens becomes its result.
    ///
    /// - Parameter item: What was taken out of the spool.
    /// - Returns: Where it belongs now, and its result.
    public func run(_ item: SpoolItem) async -> (folder: SpoolFolder, result: JobResult) {
        var result = JobResult(
            id: item.id,
            fileName: item.fileName,
            owner: item.owner,
            outcome: "identity",
            reason: "",
            message: ""
        )
        let folder: SpoolFolder
        do throws(JobStop) {
            try await carryOut(item, &result)
            folder = .done
        } catch {
            folder = error.folder
            result.outcome = error.outcome
            result.reason = error.reason
            result.message = error.message
        }
        logger.log(
            level: folder == .done ? .info : .warning,
            "\(folder.rawValue): \(result.message)",
            metadata: [
                "job": "\(item.id)", "file": "\(item.fileName.printable())", "owner": "\(item.owner.rawValue)",
                "reason": "\(result.reason)",
            ]
        )
        return (folder, result)
    }

    private func carryOut(_ item: SpoolItem, _ result: inout JobResult) async throws(JobStop) {
        let owner = try await owner(of: item)
        result.login = owner.name.spelling
        let description = try read(item)
        result.name = description.name
        result.requested = description.account
        var request = ExecutionRequest(
            login: owner.name.spelling,
            requestedAccount: description.account,
            accountingLabel: description.name
        )
        try await checkSpool(description, request)
        try await checkLogin(description, item, owner, request)
        if let login = description.login { request.login = login }
        result.login = request.login
        // The file belongs to a user id: should its name mean another one here, the job is not that person's. Root may
        // name whom it submits for.
        if !item.isSubmittedByRoot || description.login == nil { request.loginUserID = item.owner }
        let log = settings.logs.file(of: item.id)
        let process = try await launch(try command(for: description, log: log), for: request, &result)
        result.log = log.string
        running.add(process, of: item.id)
        defer { running.remove(item.id) }
        logger.info(
            "runs as \(process.identity.account.name)",
            metadata: ["job": "\(item.id)", "login": "\(owner.name)", "pid": "\(process.processID.rawValue)"]
        )
        result.logOwner = await settings.logs.owner(of: item.id)?.rawValue
        do throws(LaunchError) {
            result.note(try await process.exitReport())
        } catch {
            throw .failed(error.code.description, "\(error)")
        }
    }

    /// The account that owns the file: the submitter, whatever the file says.
    private func owner(of item: SpoolItem) async throws(JobStop) -> Account {
        do throws(AccountDirectoryError) {
            if let account = try await directory.account(withID: item.owner, freshness: .cached) { return account }
        } catch {
            throw .failed(error.code.description, "nothing ran, because \(error); submit it again")
        }
        throw .bad("unknownOwner", "no account has user id \(item.owner.rawValue), which owns the file")
    }

    private func read(_ item: SpoolItem) throws(JobStop) -> JobDescription {
        switch item.content {
        case .unusable(let reason):
            throw .bad("unusableFile", "\(item.fileName.printable()) \(reason)")
        case .jobFile(let bytes):
            do throws(JobDescriptionError) {
                return try JobDescription(bytes, syntax: settings.syntax)
            } catch {
                throw .bad("invalidJobFile", "\(item.fileName.printable()): \(error)")
            }
        }
    }

    /// A file of bob's that alice has renamed into the spool is not a job of bob's, although it belongs to him.
    private func checkSpool(
        _ description: JobDescription,
        _ request: ExecutionRequest
    ) async throws(JobStop) {
        guard description.spool != settings.spool else { return }
        let message =
            "the file is meant for the spool \(description.spool.string.printable()), and this is "
            + "\(settings.spool.string.printable()); name this one in a file that is meant for it"
        throw await refusal("otherSpool", message, of: request)
    }

    /// Root may submit for anybody where only root can; everybody else is whom the kernel says he is.
    private func checkLogin(
        _ description: JobDescription,
        _ item: SpoolItem,
        _ owner: Account,
        _ request: ExecutionRequest
    ) async throws(JobStop) {
        guard let login = description.login, !item.isSubmittedByRoot else { return }
        if let name = try? AccountName(login, syntax: settings.syntax), name == owner.name { return }
        let remedy =
            owner.userID.rawValue == 0 ? "put it into \(SpoolFolder.newRoot.rawValue)" : "leave \"login\" out"
        let message =
            "the file says that \(login.printable()) submits it, but it belongs to \(owner.name); \(remedy)"
        throw await refusal("loginNotOwner", message, of: request)
    }

    /// Refuses what the resolver never hears of, and writes it down, which the resolver's decisions are elsewhere.
    private func refusal(_ reason: String, _ message: String, of request: ExecutionRequest) async -> JobStop {
        do throws(AuditLogError) {
            try await audit.append(
                AuditRecord(
                    date: Date(),
                    event: .decision,
                    request: request,
                    outcome: "denied",
                    reason: reason,
                    message: message
                )
            )
        } catch {
            logger.error("A refused file could not be written to the audit log: \(error)")
        }
        return .refused(reason, message)
    }

    private func command(for description: JobDescription, log: FilePath) throws(JobStop) -> Command {
        var command = Command(description.executable, arguments: Array(description.command.dropFirst()))
        command.standardOutput = .file(log, .createNew)
        command.standardError = .standardOutput
        command.descendants = .end
        command.niceness = min(19, settings.niceness + description.nice)
        if let directory = description.workingDirectory { command.workingDirectory = .path(FilePath(directory)) }
        switch settings.environment.value {
        case .export: command.environment = .export(description.environment)
        case .clean, .login:
            guard description.environment.isEmpty else {
                throw .refused(
                    "environmentNotExported",
                    "the job brings variables, and environment = \(settings.environment.value.rawValue) "
                        + "(\(settings.environment.source)) hands none on; leave them out, or set environment = export"
                )
            }
            command.environment = settings.environment.value == .login ? .login : .clean
        }
        return command
    }

    private func launch(
        _ command: Command,
        for request: ExecutionRequest,
        _ result: inout JobResult
    ) async throws(JobStop) -> LaunchedProcess {
        let outcome: LaunchOutcome
        do throws(ImpersonationError) {
            outcome = try await impersonator.launch(command, for: request)
        } catch {
            result.note(error.explanation)
            result.step = error.launchError?.step.description
            result.errno = error.launchError?.errno?.rawValue
            throw .failed(error.launchError?.code.description ?? error.code.description, "\(error)")
        }
        result.note(outcome.explanation)
        switch outcome {
        case .launched(let process, let explanation):
            result.note(process)
            result.reason = explanation.entries.last?.rule ?? ""
            result.message = explanation.entries.last.map { "\($0.text) (\($0.source))" } ?? ""
            return process
        case .denied(let denial, let explanation):
            let source = explanation.entries.last.map { " (\($0.source))" } ?? ""
            throw .refused(denial.reason.description, denial.message + source)
        case .badLogin(let badLogin, _):
            throw JobStop(
                folder: .refused,
                outcome: "badlogin",
                reason: badLogin.reason.description,
                message: badLogin.message
            )
        }
    }
}
