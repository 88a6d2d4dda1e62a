public import Impersonation
import Synchronization

/// An audit log in memory, for tests: it keeps every record and refuses those it is told to refuse.
public final class RecordingAuditLog: AuditLog {
    private struct State {
        var records: [AuditRecord] = []
        var refused: Set<AuditRecord.Event>
    }

    private let state: Mutex<State>

    /// Creates an empty log.
    ///
    /// - Parameter refused: The events whose records it refuses, as a full disk would.
    public init(refusing refused: Set<AuditRecord.Event> = []) {
        state = Mutex(State(refused: refused))
    }

    /// Every record that was taken, in order.
    public var records: [AuditRecord] {
        state.withLock { $0.records }
    }

    /// Changes which events it refuses from now on.
    ///
    /// - Parameter refused: The events whose records it refuses.
    public func refuse(_ refused: Set<AuditRecord.Event>) {
        state.withLock { $0.refused = refused }
    }

    /// Keeps a record.
    ///
    /// - Parameter record: What was decided.
    /// - Throws: ``Impersonation/AuditLogError`` for an event that is refused.
    public func append(_ record: AuditRecord) async throws(AuditLogError) {
        let isRefused = state.withLock { state in
            guard !state.refused.contains(record.event) else { return true }
            state.records.append(record)
            return false
        }
        guard !isRefused else {
            throw AuditLogError(destination: "recording", message: "refuses \(record.event.rawValue) records")
        }
    }
}
