import Impersonation
import QubeCompatibility

/// Something the tool itself could not do.
struct ToolFailure: Error {
    /// The stable code.
    let code: String

    /// What happened and what to do about it.
    let message: String

    init(_ code: String, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension Report {
    /// Reports whatever kept a request from being decided or carried out.
    init(failure error: any Error, request: ExecutionRequest) {
        switch error {
        case let error as ImpersonationError:
            self.init(error, request: request)
        case let error as ResolutionError:
            self.init(
                error: error.code.description,
                message: error.message,
                request: request,
                explanation: error.explanation
            )
        case let error as ConfigurationError:
            self.init(
                error: "configurationInvalid",
                message: error.diagnostics.filter { $0.severity == .error }.map(\.description).joined(separator: "; "),
                request: request
            )
        case let error as AccountDirectoryError:
            self.init(error: error.code.description, message: "\(error.subject): \(error.message)", request: request)
        case let error as AuditLogError:
            self.init(error: "auditFailed", message: "\(error)", request: request)
        case let error as CredentialStoreError:
            self.init(error: error.code.description, message: error.message, request: request)
        case let error as ReportFile.Failure:
            self.init(error: "reportNotWritable", message: error.message, request: request)
        case let error as ToolFailure:
            self.init(error: error.code, message: error.message, request: request)
        default:
            self.init(error: "failed", message: "\(error)", request: request)
        }
    }
}
