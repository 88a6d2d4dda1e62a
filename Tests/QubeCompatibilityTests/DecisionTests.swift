import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

@testable import QubeCompatibility

@Suite("From the file to the decision")
struct DecisionTests {
    /// Decides what the file makes of a request, among a handful of accounts.
    private func decide(
        _ text: String,
        login: String = "alice",
        as requested: String? = nil
    ) async throws -> Resolution {
        let directory = InMemoryAccountDirectory(
            [
                try .forTesting("alice", uid: 2_001, groups: [4_000]),
                try .forTesting("bob", uid: 2_002, groups: [27]),
                try .forTesting("render_user", uid: 3_001),
                try .forTesting("qubeproxy", uid: 3_000),
                try .forTesting("backup", uid: 34),
                try .forTesting("MyCorp\\someuser", uid: 5_001),
                try .forTesting("someuser", uid: 5_002),
            ],
            groups: ["artists": GroupID(rawValue: 4_000), "sudo": GroupID(rawValue: 27)]
        )
        let resolver = PolicyResolver(
            policy: try load(text).configuration.policy,
            directory: directory,
            registry: InMemoryProxyRegistry()
        )
        return try await resolver.resolve(ExecutionRequest(login: login, requestedAccount: requested))
    }

    @Test(
        "Whoever the file chooses runs the job",
        arguments: [
            ("", "qubeproxy"),
            ("proxy_execution_mode = user", "alice"),
            ("proxy_execution_mode = user\nproxy_account = render_user", "alice"),
            ("proxy_execution_mode = proxy\nproxy_account = render_user", "render_user"),
            ("proxy_account = someuser", "someuser"),
            ("proxy_account = someuser\nworker_host_domain = MyCorp", "MyCorp\\someuser"),
            ("proxy_account = backup\nminimum_uid = 30", "backup"),
            ("proxy_execution_mode = user\nallowed_groups = artists", "alice"),
            ("proxy_execution_mode = user\nallowed_groups = 4000\nallowed_accounts = bob, alice", "alice"),
        ]
    )
    func identity(text: String, account: String) async throws {
        let resolution = try await decide(text)
        #expect(resolution.identity?.account.name == (try AccountName(account)))
    }

    @Test(
        "Whoever a line of the file keeps out does not, and the explanation ends with that line",
        arguments: [
            ("proxy_account = backup\nminimum_uid = 1000", "alice", Denial.Reason.belowMinimumUserID, 2),
            ("proxy_execution_mode = user\ndenied_accounts = bob, alice", "alice", .deniedAccount, 2),
            ("proxy_execution_mode = user\n\ndenied_groups = sudo", "bob", .deniedGroup, 3),
            ("proxy_execution_mode = user\nallowed_accounts = bob", "alice", .notAllowedAccount, 2),
            ("proxy_execution_mode = user\nallowed_groups = artists", "bob", .notAllowedGroup, 2),
            (
                "proxy_execution_mode = user\nallowed_accounts = alice\ndenied_accounts = alice", "alice",
                .deniedAccount, 3
            ),
            ("denied_accounts = qubeproxy", "alice", .deniedAccount, 1),
        ]
    )
    func denial(text: String, login: String, reason: Denial.Reason, line: Int) async throws {
        let resolution = try await decide(text, login: login)
        guard case .denied(let denial, _) = resolution else {
            Issue.record("\(resolution)")
            return
        }
        #expect(denial.reason == reason)
        #expect(resolution.explanation.entries.last?.source == .file(sample, line: line))
    }
}
