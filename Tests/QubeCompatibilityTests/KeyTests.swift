import Impersonation
import SystemPackage
import Testing

@testable import QubeCompatibility

@Suite("Keys")
struct KeyTests {
    @Test("Every key of Qube! that does not concern us is accepted in silence", arguments: otherKeys)
    func otherKey(name: String) throws {
        let loaded = try load("\(name) = 1\n")
        #expect(loaded.diagnostics.isEmpty)
        #expect(loaded.passesCheck)
        #expect(loaded.configuration.otherKeys.map(\.value) == [name])
    }

    private static let otherKeys = ConfigurationKeys.all.values.filter { !$0.isHeeded }.map(\.name).sorted()

    @Test
    func `Names are known that the manual mentions in its reference, its lists and its examples`() {
        let expected = [
            "qb_domain", "qb_supervisor", "worker_lookup", "worker_pidfile", "worker_cluster", "worker_groups",
            "worker_restrictions", "worker_path_map", "worker_drive_map", "worker_description", "proxy_location",
            "client_account", "supervisor_flags", "supervisor_default_group_security", "database_password",
            "worker_boot_diagnostics_retries", "mail_host", "aw_job_migrate_max",
        ]
        #expect(expected.filter { ConfigurationKeys.all[$0] == nil } == [])
        // 116 pages in the parameter reference, and four names that only other pages and example files mention.
        #expect(ConfigurationKeys.all.values.filter { $0.owner != .library }.count == 116 + 4)
    }

    @Test
    func `The page about the file has every key that counts, and its example can be used`() throws {
        let page = FilePath(#filePath).removingLastComponent()
            .appending("../../Sources/QubeCompatibility/Documentation.docc/WorkerFile.md")
        let text = try ConfigurationFileReader.read(page, trust: .readOnly).text
        #expect(ConfigurationKeys.heeded.map(\.name).filter { !text.contains("`\($0)`") } == [])
        let example = try #require(text.split(separator: "```").dropFirst().first)
        #expect(try load(String(example)).diagnostics.isEmpty)
    }

    @Test
    func `No key of ours is a key of Qube`() {
        let ours = ConfigurationKeys.heeded.filter { $0.owner == .library }.map(\.name)
        #expect(ours.count == 13)
        #expect(
            ConfigurationKeys.all.values.filter { $0.owner != .library && ours.contains($0.name) }.isEmpty
        )
    }

    @Test
    func `Every key that counts is shown, in the order of the table`() {
        #expect(WorkerConfiguration().settings.map(\.key) == ConfigurationKeys.heeded.map(\.name))
    }

    @Test
    func `A misspelt key of Qube is a warning with the nearest key, and fails a check`() throws {
        let loaded = try load("\nworker_clsuter = /foo\n")
        #expect(
            loaded.diagnostics.map(\.description) == [
                "/etc/qb.conf:2: warning: unknown key worker_clsuter, did you mean worker_cluster? It is ignored; "
                    + "correct its spelling or remove it"
            ]
        )
        #expect(!loaded.passesCheck)
    }

    @Test(
        "A key that means a restriction by another name stops a worker",
        arguments: [
            ("allowed_users", "allowed_accounts"), ("allow_users", "allowed_accounts"),
            ("AllowUsers", "allowed_accounts"), ("users_allowed", "allowed_accounts"),
            ("denied_users", "denied_accounts"), ("DenyUsers", "denied_accounts"), ("blacklist", "denied_accounts"),
            ("account_denylist", "denied_accounts"), ("forbidden_groups", "denied_groups"),
            ("AllowGroups", "allowed_groups"), ("banned_users", "denied_accounts"), ("minuid", "minimum_uid"),
            ("min_user_id", "minimum_uid"), ("lowest_uid", "minimum_uid"), ("proxy_user", "proxy_account"),
            ("user_mode", "proxy_execution_mode"), ("run_as", "proxy_account"),
        ]
    )
    func synonym(name: String, key: String) throws {
        let reported = findings("\(name) = 1\n")
        #expect(reported.map(\.code) == [.unknownKey])
        #expect(reported.first?.severity == .error)
        #expect(reported.first?.description.contains(key) == true)
    }

    @Test("A list that decides whom jobs run as stands in one line", arguments: ["denied_groups", "allowed_accounts"])
    func secondList(name: String) throws {
        let reported = findings("\(name) = wheel\n\(name) = sudo\n")
        #expect(reported.map(\.code) == [.duplicateKey])
        #expect(reported.first?.severity == .error)
    }

    @Test
    func `A key like no other is a warning without a guess`() throws {
        let loaded = try load("quux = 1\n")
        #expect(
            loaded.diagnostics.map(\.description) == [
                "/etc/qb.conf:1: warning: unknown key quux, which is ignored; remove it or correct its spelling"
            ]
        )
        #expect(!loaded.passesCheck)
    }

    @Test(
        "A misspelt key that may decide whom jobs run as stops a worker",
        arguments: [
            ("proxy_exection_mode", "proxy_execution_mode"),
            ("Proxy_Execution_Mode", "proxy_execution_mode"),
            ("proxy-execution-mode", "proxy_execution_mode"),
            ("proxyexecutionmode", "proxy_execution_mode"),
            ("proxy_mode", "proxy_execution_mode"),
            ("execution_mode", "proxy_execution_mode"),
            ("proxy_exec_mode", "proxy_execution_mode"),
            ("proxy_acount", "proxy_account"),
            ("proxy_user_account", "proxy_account"),
            ("porxy_account", "proxy_account"),
            ("proxy_passwd", "proxy_password"),
            ("worker_domain", "worker_host_domain"),
            ("worker_host", "worker_host_domain"),
            ("host_domain", "worker_host_domain"),
            ("min_uid", "minimum_uid"),
            ("minimum_uuid", "minimum_uid"),
            ("deny_accounts", "denied_accounts"),
            ("denied_account", "denied_accounts"),
            ("allow_groups", "allowed_groups"),
            ("backend", "launch_backend"),
            ("servicemode", "service_mode"),
            ("stat", "state"),
            ("domain_seperator", "domain_separator"),
            ("visible_domain", "visible_domains"),
        ]
    )
    func misspeltIdentityKey(name: String, meant: String) {
        #expect(
            messages("\(name) = user\n") == [
                "/etc/qb.conf:1: error: unknown key \(name), did you mean \(meant)? Ignoring it could change whom jobs "
                    + "run as; correct its spelling or remove it"
            ]
        )
    }

    @Test(
        "A misspelt key that cannot decide it does not",
        arguments: [
            ("proxy_nice", "proxy_nice_value"), ("enviroment", "environment"), ("audit_lgo", "audit_log"),
            ("worker_restriction", "worker_restrictions"), ("worker_flag", "worker_flags"),
            ("supervisor_preemption_policy", "supervisor_preempt_policy"),
        ]
    )
    func misspeltHarmlessKey(name: String, meant: String) throws {
        let loaded = try load("\(name) = 1\n")
        #expect(loaded.diagnostics.map(\.severity) == [.warning])
        #expect(loaded.diagnostics.allSatisfy { $0.text.contains("did you mean \(meant)?") })
    }

    @Test
    func `A file with a hundred unknown keys is no configuration`() {
        let text = (1...5_000).map { "quux\($0)z = 1\n" }.joined()
        let found = findings(text)
        #expect(found.count == 101)
        #expect(found.last?.severity == .error)
        #expect(found.last?.line == 101)
    }

    @Test(
        "Distances count letters inserted, left out, replaced and swapped",
        arguments: [
            ("", "", 0), ("a", "", 1), ("", "ab", 2), ("cluster", "clsuter", 1), ("abc", "abd", 1), ("abc", "bc", 1),
            ("kitten", "sitting", 3), ("ab", "ba", 1), ("abcd", "badc", 2),
        ]
    )
    func distance(left: String, right: String, expected: Int) {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        #expect(ConfigurationKeys.editDistance(left, right, limit: 9) == expected)
        #expect(ConfigurationKeys.editDistance(right, left, limit: 9) == expected)
        #expect(ConfigurationKeys.editDistance(left, right, limit: expected) == expected)
        #expect(ConfigurationKeys.editDistance(left, right, limit: expected - 1) == nil)
    }
}
