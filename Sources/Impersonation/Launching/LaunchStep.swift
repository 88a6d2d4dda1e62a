/// One step on the way from a command to a running program.
///
/// The steps of the child have the numbers of `enum launch_step` in the C interpreter; a test keeps the two equal.
public struct LaunchStep: RawRepresentable, Sendable, Hashable {
    /// The number of the step.
    public let rawValue: UInt32

    /// Creates a step from its number.
    ///
    /// - Parameter rawValue: The number of the step.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }
}

extension LaunchStep: CustomStringConvertible {
    /// The name of the step as reports and logs spell it.
    public var description: String { "step \(rawValue)" }
}
