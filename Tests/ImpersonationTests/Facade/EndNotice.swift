import Impersonation

/// An audit log that tells a waiting test of the record of an end.
struct EndNotice: AuditLog {
    private let stream: AsyncStream<AuditRecord>
    private let continuation: AsyncStream<AuditRecord>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    func append(_ record: AuditRecord) async throws(AuditLogError) {
        guard record.event == .ended else { return }
        continuation.yield(record)
        continuation.finish()
    }

    /// Waits for the record of an end.
    func record() async -> AuditRecord? {
        await stream.first { _ in true }
    }
}
