import Impersonation
import SystemPackage

/// The rows of the table, the reference first.
enum RowCatalog {
    /// Makes every row for an account.
    ///
    /// - Parameters:
    ///   - account: The account that jobs run as.
    ///   - helperSocket: Where a system helper listens; without one there is no row for it.
    ///   - sudo: Who uses `sudo`; without it there are no rows for that.
    ///   - mebibytes: The memory of daemons that rows need beside this one.
    /// - Returns: The rows.
    static func rows(
        for account: JobAccount,
        helperSocket: String?,
        sudo: UnprivilegedDaemon.Setting?,
        mebibytes: Int
    ) -> [any BenchmarkRow] {
        let helper = helperSocket.map { socket in
            LibraryRow(
                profile: RowProfile(name: "helper", callsPerRound: 20, isOfTheLibrary: true, isRequired: false),
                launcher: SystemHelperLauncher(socket: FilePath(socket)),
                identity: account.identity
            )
        }
        // The service that is installed with the helper: account check, login id, keyring, limits, variables.
        let session = helperSocket.map { socket in
            LibraryRow(
                profile: RowProfile(name: "pam", callsPerRound: 20, isOfTheLibrary: true, isRequired: false),
                launcher: PAMLauncher(through: SystemHelperLauncher(socket: FilePath(socket))),
                identity: account.identity
            )
        }
        // One session for all of them, which stays open between two rounds.
        let shared = helperSocket.map { socket in
            LibraryRow(
                profile: RowProfile(name: "pam shared", callsPerRound: 20, isOfTheLibrary: true, isRequired: false),
                launcher: PAMLauncher(
                    through: SystemHelperLauncher(socket: FilePath(socket)),
                    sessions: .shared(idleTime: HelperProcess.sessionIdleTime)
                ),
                identity: account.identity
            )
        }
        let unprivileged = sudo.map { UnprivilegedDaemon($0, account: account.name, mebibytes: mebibytes) }
        let behindSudo: [any BenchmarkRow] =
            if let sudo, let unprivileged {
                rowsBehindSudo(for: account, sudo).enumerated()
                    .map { BehindSudoRow(profile: $1.profile, daemon: unprivileged, index: $0) }
            } else {
                []
            }
        return [
            FloorRow(account: account),
            PosixSpawnRow(account: account),
            LibraryRow(
                profile: RowProfile(name: LibraryRow.isolatedName, callsPerRound: 20, isOfTheLibrary: true),
                launcher: SetUIDLauncher(isolation: .isolated),
                identity: account.identity
            ),
            // Refused, rightly, on a machine whose fs.suid_dumpable is 1.
            LibraryRow(
                profile: RowProfile(name: "direct", callsPerRound: 20, isOfTheLibrary: true, isRequired: false),
                launcher: SetUIDLauncher(isolation: .direct),
                identity: account.identity
            ),
            SubprocessRow(account: account),
            CommandRow.setpriv(account),
            CommandRow.runuser(account),
        ] + [helper, session, shared].compactMap { $0 } + behindSudo
    }

    /// Makes the rows of a daemon that has a rule in sudoers and no privilege.
    ///
    /// - Parameters:
    ///   - account: The account that jobs run as.
    ///   - sudo: Who uses it.
    /// - Returns: The rows.
    static func rowsBehindSudo(for account: JobAccount, _ sudo: UnprivilegedDaemon.Setting) -> [any BenchmarkRow] {
        [
            CommandRow.sudo(account),
            LibraryRow(
                profile: RowProfile(name: "sudo", callsPerRound: 3, isOfTheLibrary: true, isRequired: false),
                launcher: SudoLauncher(launcher: FilePath(sudo.launcher)),
                identity: account.identity
            ),
        ]
    }
}
