import Impersonation

/// The rows of the table, the reference first.
enum RowCatalog {
    /// Makes every row for an account.
    static func rows(for account: JobAccount) -> [any BenchmarkRow] {
        [
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
        ]
    }
}
