/// One line of a table.
struct RowReport: Codable, Hashable, Sendable {
    let row: String

    /// Whether the program ran as the account.
    let switchesIdentity: Bool

    /// How many launches were measured.
    let calls: Int

    /// Until the launching call was back; `nil` where that says nothing of the job.
    let returned: TimeSummary?

    /// Until the exit status was there.
    let reaped: TimeSummary?

    /// Whether a launch did not come back.
    let hung: Bool

    /// Why the row ended early, if it did.
    let note: String?
}
