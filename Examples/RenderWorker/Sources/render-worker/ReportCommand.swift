import ArgumentParser
import Glibc
import Impersonation
import RenderWorker
import SystemPackage

/// Prints what became of the jobs of a spool.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Prints a table of the jobs of a spool: who submitted what, as whom it ran, and why.",
        discussion: """
            User id and groups are what the job itself printed, if it ran id(1); the owner of its log is what the \
            kernel said when the job began. Exits with 1 when that contradicts what the worker wrote down. A job whose \
            own words do, or whose log was gone at once, is only marked as unverified: any job can do that.
            """
    )

    @Option(help: "The directory of the spool.", transform: FilePath.argument)
    var spool: FilePath

    @Option(help: "How many columns the table may take.")
    var width = 160

    func run() async throws {
        let reports = try JobReport.read(spool)
        let directory = NSSAccountDirectory()
        var names: [UserID: String] = [:]
        for id in Set(reports.flatMap { [UserID(rawValue: $0.result.owner), $0.logOwner].compactMap(\.self) }) {
            names[id] = try? await directory.account(withID: id)?.name.spelling
        }
        for line in JobTable(reports, names: names, width: width).lines { print(line) }
        if reports.contains(where: { $0.verdict == .contradiction }) { throw ExitCode.failure }
    }
}
