public import SystemPackage

/// A descriptor that a job gets beside its standard streams, and the variable that tells it the number.
///
/// The first one has the number 3. The job shares position, status flags and locks with the daemon, since it is the same open file
/// (`open(2)`), and it may hand it on: give it nothing that the account must not keep. The daemon keeps its own.
public struct ExtraDescriptor: Sendable, Hashable {
    /// The variable of the job's environment that holds the number.
    ///
    /// Letters, digits and underscores, and no variable of the account or of a loader.
    public var name: String

    /// The daemon's descriptor.
    public var descriptor: FileDescriptor

    /// Creates an extra descriptor.
    ///
    /// - Parameters:
    ///   - name: The variable of the job's environment that holds the number.
    ///   - descriptor: The daemon's descriptor. It has to stay open until the launch has come back.
    public init(name: String, descriptor: FileDescriptor) {
        self.name = name
        self.descriptor = descriptor
    }
}
