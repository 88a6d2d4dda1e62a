import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// Fills a column of the table, in a process of its own.
struct DifferenceMeasurement {
    let column: DifferenceColumn
    let socket: FilePath

    /// Starts the probe in every way a row needs.
    ///
    /// - Returns: The cells.
    /// - Throws: What starting it throws, or what is not expected of it.
    func cells() async throws -> [Difference: String] {
        let identity = try await column.identity
        column.becomeDaemon()
        guard let launcher = column.launcher(socket) else { return try ofProgram() }
        let result = try await run(Command(.path(FilePath(TestBed.probe))), as: identity, launcher)
        try #require(result.exit.status == .exited(0))
        let report = try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
        var cells = Difference.cells(report, as: TestBed.alice)
        cells[.handedDown] = try handedDown(report)
        for (row, arguments) in Self.ends {
            let command = Command(.path(FilePath(TestBed.probe)), arguments: arguments)
            cells[row] = Self.describe(try await run(command, as: identity, launcher).exit.status)
        }
        let error = try await launchError(Command(.path(FilePath(Self.missing))), as: identity, launcher)
        cells[.missing] = "`\(error.errno == .noSuchFileOrDirectory ? "LaunchError" : "another error")`"
        UnusualDaemon.becomeNice()
        do throws(LaunchError) {
            let process = try await launcher.launch(patient(Self.nice), as: identity)
            let exit = try await process.exitReport()
            cells[.niceness] = try? Self.niceness(exit.standardOutput?.bytes ?? [])
        } catch {
            cells[.niceness] = error.step == .niceness ? "`LaunchError`" : "\(error)"
        }
        return cells
    }

    private func ofProgram() throws -> [Difference: String] {
        let result = try PlainSpawn.run(try #require(column.commandLine([TestBed.probe])))
        try #require(result.status == 0, "\(result.messages)")
        let report = try ProbeReport(json: result.output)
        var cells = Difference.cells(report, as: TestBed.alice)
        cells[.handedDown] = try handedDown(report)
        for (row, arguments) in Self.ends {
            cells[row] = try describe(column.commandLine([TestBed.probe] + arguments))
        }
        cells[.missing] = try describe(column.commandLine([Self.missing]))
        UnusualDaemon.becomeNice()
        cells[.niceness] = try Self.niceness(PlainSpawn.run(try #require(column.commandLine([TestBed.probe]))).output)
        return cells
    }

    private static let ends: [(Difference, [String])] = [(.exit, ["--exit", "1"]), (.killed, ["--signal", "9"])]
    private static let missing = "/no/such/program"

    private static var nice: Command {
        var command = Command(.path(FilePath(TestBed.probe)))
        command.standardOutput = .captured(limit: 4 << 20)
        return command
    }

    private static func niceness(_ output: [UInt8]) throws -> String {
        let value = try ProbeReport(json: output).nice
        return value == Int(UnusualDaemon.niceness) ? "daemon's" : "\(value)"
    }

    /// A helper of the bed has what the daemon has.
    private func handedDown(_ report: ProbeReport) throws -> String {
        let groups = try ProcFile.read("/proc/self/cgroup").split(separator: "\n").map { String($0) }
        let loginUserID = (try? ProcFile.read("/proc/self/loginuid")).flatMap { UInt32($0.filter(\.isNumber)) }
        let isSame = report.cgroups == groups && (report.loginUserID ?? .max) == (loginUserID ?? .max)
        return isSame ? column.needsHelper ? "helper's" : "daemon's" : "others"
    }

    private static func describe(_ status: TerminationStatus) -> String {
        switch status {
        case .exited(let code): "status \(code)"
        case .signaled(let signal, _): "signal \(signal.rawValue)"
        }
    }

    private func describe(_ words: [String]?) throws -> String {
        let status = try PlainSpawn.run(try #require(words)).status
        return status & 0x7f == 0 ? "status \(status >> 8)" : "signal \(status & 0x7f)"
    }
}
