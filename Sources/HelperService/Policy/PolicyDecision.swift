/// Whether something is permitted, as a word that no small disturbance of memory turns into its opposite.
///
/// Raw values of a Swift enum are not what is in memory: its cases are numbered 0, 1, 2, and one flipped bit makes one of
/// another (sudo CVE-2023-42465, "Mayhem"). So this is a word of 64 bits. The two values that are used differ in each
/// bit, and whatever is not exactly ``permitted`` forbids.
package struct PolicyDecision: Hashable, Sendable {
    /// The word.
    package let word: UInt64

    private init(word: UInt64) {
        self.word = word
    }

    /// It is permitted.
    package static let permitted = PolicyDecision(word: 0x5AC3_96E1_3C69_A5D2)

    /// It is forbidden: the complement.
    package static let forbidden = PolicyDecision(word: ~0x5AC3_96E1_3C69_A5D2)

    /// Whether this is exactly ``permitted``.
    package var isPermitted: Bool { word == Self.permitted.word }

    /// Whether this is exactly ``forbidden``, for what has to be forbidden before something else is permitted.
    package var isForbidden: Bool { word == Self.forbidden.word }

    /// Forbidden unless both are permitted.
    package func and(_ other: PolicyDecision) -> PolicyDecision {
        isPermitted && other.isPermitted ? .permitted : .forbidden
    }

    /// Reads a word from elsewhere, so that a test can damage one.
    static func damaged(_ word: UInt64) -> PolicyDecision { PolicyDecision(word: word) }
}
