/// A text cannot be the name of an account.
public struct AccountNameError: Error, Sendable, Hashable {
    /// The text, with everything that is not printable escaped.
    public let text: String

    /// What is wrong with it and what to do about it.
    public let message: String
}

extension AccountNameError: CustomStringConvertible {
    /// One line for a person.
    public var description: String { "\"\(text)\" cannot be the name of an account: \(message)" }
}
