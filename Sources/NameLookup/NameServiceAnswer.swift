package import SystemPackage

/// What a call of the name service came to.
package enum NameServiceAnswer<Value: Sendable>: Sendable {
    /// There is an entry.
    case found(Value)

    /// The name service says that there is none: the call returned 0 and no entry.
    case absent

    /// The call returned this error number. Modules of NSS return any number; none of them means "there is none".
    case failed(Errno)

    /// The answer is larger than any real one.
    case tooLarge

    /// The answer contains text that is not UTF-8, in this field.
    case undecodable(field: String)

    /// Nobody has answered: whoever was to ask was ended before, or could not be started.
    case unanswered(NoAnswer)

    /// The same answer with another value.
    ///
    /// - Parameter transform: Makes the value of the one that was found.
    /// - Returns: The answer.
    package func map<Other: Sendable>(_ transform: (Value) -> Other) -> NameServiceAnswer<Other> {
        switch self {
        case .found(let value): .found(transform(value))
        case .absent: .absent
        case .failed(let number): .failed(number)
        case .tooLarge: .tooLarge
        case .undecodable(let field): .undecodable(field: field)
        case .unanswered(let reason): .unanswered(reason)
        }
    }
}
