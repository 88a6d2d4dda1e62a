import ArgumentParser
import Impersonation
import SystemPackage

/// What `run` tells when all is over: a report and an exit status.
struct RunEnding {
    /// The report.
    var report: Report

    /// How long the stages of the start took.
    private(set) var timings: LaunchTimings?

    private var exitCode: ExitCode
    private let hasRun: Bool

    /// The command did not come as far as a decision.
    init(failure error: any Error, request: ExecutionRequest, executable: String) {
        report = Report(failure: error, request: request)
        report.launch = Report.Launch(executable: executable)
        exitCode = .refused
        hasRun = false
    }

    /// The command was decided upon, and launched if it was let through.
    init(_ result: Supervision.Result, request: ExecutionRequest, executable: String) {
        var launch = Report.Launch(executable: executable)
        exitCode = .refused
        switch result.launch {
        case .success(.denied(let denial, because: let explanation)):
            report = Report(.denied(denial, because: explanation), request: request)
            hasRun = false
        case .success(.badLogin(let badLogin, because: let explanation)):
            report = Report(.badLogin(badLogin, because: explanation), request: request)
            hasRun = false
        case .success(.launched(let process, because: let explanation)):
            report = Report(.identity(process.identity, because: explanation), request: request)
            hasRun = true
            timings = process.report.timings
            launch.backend = process.report.backend.description
            launch.pid = process.processID.rawValue
            launch.workingDirectory = process.report.workingDirectory.string
            launch.containment = Report.Containment(process.report.containment)
            launch.attestation = process.report.attestation.description
            launch.omittedVariables = process.report.omittedVariables
            launch.timedOut = result.timedOut
            launch.remainingProcesses = result.remainingProcesses
        case .failure(let error):
            report = Report(error, request: request)
            hasRun = false
            launch.backend = error.launchError?.backend?.description
            launch.step = error.launchError?.step.description
            launch.errno = error.launchError?.errno?.rawValue
            if let signal = result.interruption { exitCode = .signaled(signal.rawValue) }
        case nil:
            report = Report(error: "cancelled", message: "nothing was decided before the end", request: request)
            hasRun = false
        }
        switch result.end {
        case .success(let end):
            launch.status = Report.Status(end.status)
            launch.usage = end.usage.map(Report.Usage.init)
            exitCode = result.timedOut ? .timedOut : Self.exitCode(end.status)
        case .failure(let error):
            report.outcome = "error"
            report.reason = error.code.description
            report.message = error.message
            launch.step = error.step.description
            launch.errno = error.errno?.rawValue
        case nil:
            break
        }
        report.launch = launch
    }

    /// Says on standard error what the exit status alone cannot say.
    ///
    /// - Parameter json: Whether it is the report that is said, and nothing else.
    /// - Returns: The exit status of the tool.
    func tell(json: Bool) -> ExitCode {
        if json {
            Console.error([(try? JSONText.line(report)) ?? "{\"outcome\":\"error\"}"])
        } else if !hasRun || report.outcome == "error" {
            Console.error(report.refusalLines)
        } else if report.launch?.timedOut == true {
            Console.error(["impersonate: the command was ended because its time was up"] + report.remainderLines)
        }
        return exitCode
    }

    private static func exitCode(_ status: TerminationStatus) -> ExitCode {
        switch status {
        case .exited(let code): ExitCode(code)
        case .signaled(let signal, _): .signaled(signal.rawValue)
        }
    }
}
