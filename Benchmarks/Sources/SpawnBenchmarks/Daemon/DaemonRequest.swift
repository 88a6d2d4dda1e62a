/// What the measuring process asks of a daemon; one line of JSON.
enum DaemonRequest: Codable, Sendable {
    /// Get a row ready and prove that it switches to the account.
    case prepare(row: Int)

    /// Measure a row.
    case measure(row: Int, program: JobProgram)
}
