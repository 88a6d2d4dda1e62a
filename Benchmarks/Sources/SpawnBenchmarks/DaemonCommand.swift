import ArgumentParser
import Glibc

/// The other process of a measurement; started by ``MeasureCommand``, never by hand.
struct DaemonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daemon",
        abstract: "Launches for a measuring process.",
        shouldDisplay: false
    )

    @Option(help: "The resident memory to grow to.")
    var mebibytes: Int

    @Option(help: "The account that jobs run as.")
    var account: String

    @Option(help: "Where a system helper listens, if there is one.")
    var helperSocket: String?

    @Option(help: "The account that uses sudo, if one does.")
    var worker: String?

    @Option(help: "The launcher program that sudo runs.")
    var launcher: String?

    @Flag(help: "Be the one that uses sudo.")
    var unprivileged = false

    func run() async throws {
        let sudo: UnprivilegedDaemon.Setting? =
            if let worker, let launcher { .init(worker: worker, launcher: launcher) } else { nil }
        if unprivileged, let sudo { try Self.become(sudo.worker) }
        let account = try await JobAccount(named: account)
        let rows =
            if unprivileged, let sudo {
                RowCatalog.rowsBehindSudo(for: account, sudo)
            } else {
                RowCatalog.rows(for: account, helperSocket: helperSocket, sudo: sudo, mebibytes: mebibytes)
            }
        var daemon = try MeasuredDaemon(mebibytes: mebibytes, account: account, rows: rows)
        try await daemon.serve()
    }

    /// Takes the ids of an account, for good.
    private static func become(_ name: String) throws {
        guard let entry = unsafe getpwnam(name) else {
            throw BenchmarkError("there is no account \(name) here; measure in the test bed: make bench-helper")
        }
        let (user, group) = unsafe (entry.pointee.pw_uid, entry.pointee.pw_gid)
        guard unsafe initgroups(name, group) == 0, setgid(group) == 0, setuid(user) == 0, setuid(0) != 0 else {
            throw BenchmarkError("the daemon could not become \(name) (errno \(errno))")
        }
    }
}
