import FoundationEssentials
import Impersonation

/// Values as one line of JSON.
enum JSONText {
    /// The line, without its end; control and format characters are escaped.
    static func line(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self).escapingUnprintable
    }
}
