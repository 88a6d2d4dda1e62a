import Glibc
import Impersonation
import Logging
import QubeCompatibility
import SystemPackage

/// The stages of a request, put together from a configuration.
struct Worker {
    /// What was configured.
    let configuration: WorkerConfiguration

    /// This host's name service.
    let directory: any AccountDirectory

    /// Decides as whom a command runs.
    ///
    /// Without a store, nobody has a grant.
    let resolver: PolicyResolver

    init(_ configuration: WorkerConfiguration) {
        self.configuration = configuration
        // Standard error is the command's own; which way accounts are looked up is what the doctor says.
        let silence = Logger(label: "impersonate") { _ in SwiftLogNoOpLogHandler() }
        directory = CachingAccountDirectory(NSSAccountDirectory(syntax: configuration.nameSyntax, logger: silence))
        resolver = PolicyResolver(
            policy: configuration.policy,
            directory: directory,
            registry: InMemoryProxyRegistry()
        )
    }

    /// The account of the person who runs this tool, or `nil` for root.
    func caller() async throws -> Account? {
        guard getuid() != 0 else { return nil }
        let userID = UserID(rawValue: getuid())
        guard let account = try await directory.account(withID: userID, freshness: .cached) else {
            throw ToolFailure(
                "callerUnknown",
                "this process has user id \(userID.rawValue), which no account has; run it as an account of this host"
            )
        }
        return account
    }

    /// The login of a request: the one that was named, else the caller.
    ///
    /// Root is never anybody's login by omission.
    func login(named name: String?) async throws -> String? {
        if let name { return name }
        return try await caller()?.name.spelling
    }

    /// Opens the audit log.
    ///
    /// Only the directory of the built-in place is made, as a package would; one that somebody named has to be there.
    func auditLog() throws -> FileAuditLog {
        let path = configuration.auditLog.value
        if configuration.auditLog.source == .builtIn, geteuid() == 0 {
            _ = unsafe mkdir(path.removingLastComponent().string, 0o700)
        }
        return try FileAuditLog(path)
    }
}
