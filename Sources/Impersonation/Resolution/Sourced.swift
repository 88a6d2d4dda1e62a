/// A setting together with the place it was made.
public struct Sourced<Value: Sendable>: Sendable {
    /// The setting.
    public var value: Value

    /// The place the setting was made.
    public var source: RuleSource

    /// Creates a setting.
    ///
    /// - Parameters:
    ///   - value: The setting.
    ///   - source: The place it was made.
    public init(_ value: Value, from source: RuleSource = .program) {
        self.value = value
        self.source = source
    }
}

extension Sourced: Equatable where Value: Equatable {}
extension Sourced: Hashable where Value: Hashable {}
