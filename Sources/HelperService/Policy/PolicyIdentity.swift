/// A user or a group of a policy: the number that counts, and the name it was written with.
package struct PolicyIdentity: Hashable, Sendable {
    /// The id, resolved when the policy was loaded.
    package let number: UInt32

    /// The name in the file; `nil` for a number.
    package let name: String?

    /// `(uid_t) -1`: "leave it as it is" for `setresuid(2)`, so it changes nothing (sudo CVE-2019-14287).
    package static let unchanged: UInt32 = .max

    /// Whether no policy permits the id: the superuser's, and the one that means "leave it as it is".
    package static func isNever(_ number: UInt32) -> Bool { number == 0 || number == unchanged }

    func rendered(_ kind: String) -> String {
        name.map { "\($0.onOneLine) (\(kind) \(number))" } ?? "\(kind) \(number)"
    }
}
