import FoundationEssentials
import Impersonation

extension AuditRecord {
    /// A record of a denial, at a moment that is easy to read.
    static var sample: AuditRecord {
        AuditRecord(
            date: Date(timeIntervalSince1970: 1_700_000_000.25),
            event: .decision,
            request: ExecutionRequest(login: "alice"),
            outcome: "denied",
            reason: "superuser",
            message: "account root has user id 0"
        )
    }
}
