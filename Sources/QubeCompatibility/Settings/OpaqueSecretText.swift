/// An encrypted password exactly as a configuration file has it, in a form nothing prints.
///
/// Qube!'s documentation shows such texts in more than one length and says nothing of their make-up, so nothing is
/// assumed about it. Descriptions, reflection, `config show` and diagnostics say that there is one and no more, not
/// even how long it is.
public struct OpaqueSecretText: Sendable, Equatable {
    private let text: String

    /// Keeps a text.
    ///
    /// - Parameter text: The encrypted password as written.
    public init(_ text: String) {
        self.text = text
    }

    /// Hands the text to the one place that decrypts it.
    ///
    /// - Parameter body: Gets the text; it must not store or print it.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    public func withText<Result, Failure: Error>(
        _ body: (String) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(text)
    }
}

extension OpaqueSecretText: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// `(set)`.
    public var description: String { "(set)" }

    /// `(set)`.
    public var debugDescription: String { description }

    /// A mirror without children, so that `dump` shows nothing either.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
