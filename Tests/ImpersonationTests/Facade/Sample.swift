import Impersonation
import ImpersonationTesting
import SystemPackage

/// Values that tests of the facade and the audit log are about.
enum Sample {
    static let why = Explanation(
        entries: [
            Explanation.Entry(
                rule: "userMode",
                source: .file("/etc/qb.conf", line: 3),
                text: "proxy_execution_mode = user"
            ),
            Explanation.Entry(rule: "minimumUserID", source: .builtIn, text: "user id 2001 is not below 1000"),
            Explanation.Entry(rule: "selfAllowed", source: .builtIn, text: "alice acts as itself"),
        ]
    )

    static let denial = Denial(.superuser, message: "account root has user id 0; name an ordinary account")

    static let badLogin = BadLogin(.rejected, message: "the password of alice was rejected; register it again")

    static let request = ExecutionRequest(login: "alice", requestedAccount: "bob", remoteAddress: "192.0.2.7")

    static func account() throws -> Account {
        try .forTesting("alice", uid: 2_001, groups: [3_001])
    }

    static func identity(mode: ExecutionMode = .user) async throws -> ExecutionIdentity {
        try await .forTesting(account: account(), mode: mode)
    }
}
