import FoundationEssentials

/// Names one job: the moment it was taken up and a number nobody can guess.
///
/// Were it to be guessed, anybody could put a file in place of somebody else's log before the job starts.
public struct JobID: Sendable, Hashable, CustomStringConvertible {
    /// The id as it stands in file names, `20260131T120000.000Z-0123456789abcdef`; later ids sort later.
    public let description: String

    /// Makes a new id.
    public init() {
        let style = Date.ISO8601FormatStyle(
            dateSeparator: .omitted,
            dateTimeSeparator: .standard,
            timeSeparator: .omitted,
            includingFractionalSeconds: true
        )
        let number = String(UInt64.random(in: .min ... .max), radix: 16)
        description = Date().formatted(style) + "-" + String(repeating: "0", count: 16 - number.count) + number
    }

    /// Takes the id of a file that the worker has named, or `nil` when it is not one.
    ///
    /// - Parameter stem: The name of the file without its extension.
    init?(stem: String) {
        guard stem.wholeMatch(of: #/[0-9]{8}T[0-9]{6}\.[0-9]{3}Z-[0-9a-f]{16}/#) != nil else { return nil }
        description = stem
    }
}
