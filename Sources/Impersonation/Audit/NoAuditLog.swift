/// No audit log: every record is thrown away.
///
/// An ``Impersonator`` never runs without an audit log by omission; a program that wants none has to say so with this
/// type. Nothing then tells afterwards who ran what as whom: for desktops and experiments, not for a host that runs
/// jobs for several people.
public struct NoAuditLog: AuditLog {
    /// Creates a log that keeps nothing.
    public init() {}

    /// Throws the record away.
    ///
    /// - Parameter record: What was decided.
    /// - Throws: Nothing.
    public func append(_ record: AuditRecord) async throws(AuditLogError) {}
}
