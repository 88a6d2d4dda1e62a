/// Where every decision is written down, denials too.
public protocol AuditLog: Sendable {
    /// Writes one record, durably enough that a crash of the daemon right afterwards does not lose it.
    ///
    /// - Parameter record: What was decided.
    /// - Throws: ``AuditLogError`` when it could not be written. The job is not started then.
    func append(_ record: AuditRecord) async throws(AuditLogError)
}
