import Impersonation
import SystemPackage

/// The account that jobs run as, looked up once before anything is measured.
struct JobAccount: Sendable, Hashable {
    /// The identity, for the library's rows.
    let identity: ExecutionIdentity

    /// The name, for peers that take one.
    var name: String { identity.account.name.spelling }

    /// The user id as C has it.
    var userID: UInt32 { identity.account.userID.rawValue }

    /// The primary group as C has it.
    var groupID: UInt32 { identity.account.groupID.rawValue }

    /// Every group as C has it.
    var groups: [UInt32] { identity.account.groups.map(\.rawValue) }

    /// The five variables that every row gives its job.
    var environment: [String: String] {
        [
            "HOME": identity.account.homeDirectory.string, "USER": name, "LOGNAME": name,
            "SHELL": identity.account.shell.string, "PATH": "/usr/local/bin:/usr/bin:/bin",
        ]
    }

    /// The environment as C programs take it.
    var environmentStrings: [String] {
        environment.map { "\($0.key)=\($0.value)" }
    }

    /// Asks the name service for an account and lets the standard rules judge it.
    init(named spelling: String) async throws {
        let name = try AccountName(spelling)
        let directory = NSSAccountDirectory()
        guard let account = try await directory.account(named: name) else {
            throw BenchmarkError("there is no account \(name) here; measure in the test bed: make bench-quick")
        }
        var explanation = Explanation()
        let admission = try await AccountRules.standard.admit(
            AccountCandidate(account: account, askedFor: name, request: ExecutionRequest(login: spelling)),
            login: name,
            mode: .user,
            in: directory,
            explanation: &explanation
        )
        switch admission {
        case .admitted(let identity): self.identity = identity
        case .refused(let denial): throw BenchmarkError("no job may run as \(name): \(denial.message)")
        }
    }
}
