/// Where every decision is written down, denials too, and what became of it.
public protocol AuditLog: Sendable {
    /// Writes one record, durably enough that a crash of the daemon right afterwards does not lose it.
    ///
    /// - Parameter record: What was decided, or has happened.
    /// - Throws: ``AuditLogError`` when it could not be written. For the event `decision` the job is not started then; whatever has
    ///   happened already is told to the logger of the ``Impersonator`` instead, and ends nothing.
    func append(_ record: AuditRecord) async throws(AuditLogError)
}
