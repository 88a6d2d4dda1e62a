/// The rows of one daemon with one program.
struct TableReport: Codable, Hashable, Sendable {
    let daemon: String
    let program: String

    /// The reference first.
    let rows: [RowReport]

    /// A row by its name.
    func row(_ name: String) -> RowReport? {
        rows.first { $0.row == name }
    }
}
