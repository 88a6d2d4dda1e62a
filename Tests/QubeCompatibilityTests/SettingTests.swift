import Impersonation
import SystemPackage
import Testing

@testable import QubeCompatibility

@Suite("The values of the keys")
struct SettingTests {
    /// The part of a report that a line makes.
    private func value(_ key: String, _ text: String) throws -> String? {
        let loaded = try load("domain_separator = +\n\(key) = \(text)\n")
        #expect(loaded.diagnostics.isEmpty)
        let setting = try #require(loaded.configuration.settings.first { $0.key == key })
        return setting.value
    }

    @Test(
        "What a key accepts, and what it makes of it",
        arguments: [
            ("proxy_execution_mode", "user", "user"),
            ("proxy_execution_mode", "proxy", "proxy"),
            ("proxy_execution_mode", "\"user\"", "user"),
            ("proxy_account", "render_user", "render_user"),
            ("proxy_account", "\"render\"", "render"),
            ("proxy_password", "06dee4", "(set)"),
            ("proxy_password", "", nil),
            ("worker_host_domain", "MyCorp", "MyCorp"),
            ("worker_host_domain", "my-corp.example", "my-corp.example"),
            ("worker_host_domain", "", nil),
            ("proxy_nice_value", "0", "0"),
            ("proxy_nice_value", "-20", "-20"),
            ("proxy_nice_value", "19", "19"),
            ("proxy_nice_value", "+5", "5"),
            ("service_mode", "service", "service"),
            ("launch_backend", "setuid", "setuid"),
            ("launch_backend", "pam", "pam"),
            ("launch_backend", "sudo", "sudo"),
            ("launch_backend", "helper", "helper"),
            ("service_mode", "desktop\nlaunch_backend = current", "desktop"),
            ("pam_service", "render-jobs", "render-jobs"),
            ("pam_service", "2nd.render_jobs", "2nd.render_jobs"),
            ("pam_service", String(repeating: "r", count: 64), String(repeating: "r", count: 64)),
            ("minimum_uid", "1", "1"),
            ("minimum_uid", "4294967294", "4294967294"),
            ("denied_accounts", "alice, bob ,carol", "alice,bob,carol"),
            ("denied_accounts", "\"alice,bob\"", "alice,bob"),
            ("denied_accounts", "", nil),
            ("allowed_accounts", "alice", "alice"),
            ("denied_groups", "wheel, domain admins", "wheel,domain admins"),
            ("allowed_groups", "artists", "artists"),
            ("allowed_groups", "0,artists, 4000", "0,artists,4000"),
            ("visible_domains", "A, B,a.example", "A,B,a.example"),
            ("visible_domains", "", nil),
            ("environment", "clean", "clean"),
            ("environment", "login", "login"),
            ("environment", "export", "export"),
            ("state", "sqlite:///var/lib/impersonation/a.db", "sqlite:///var/lib/impersonation/a.db"),
            ("state", "postgresql://db.example/farm", "postgresql://db.example/farm"),
            ("state", "memory:", "memory:"),
            ("audit_log", "/var/log/jobs.jsonl", "/var/log/jobs.jsonl"),
            ("audit_log", "\"/var/log/a b\"", "/var/log/a b"),
        ] as [(String, String, String?)]
    )
    func accepted(key: String, text: String, expected: String?) throws {
        #expect(try value(key, text) == expected)
    }

    @Test("Separators", arguments: [("\\", "\\"), ("\"\\\\\"", "\\"), ("+", "+"), ("=", "="), ("|", "|")])
    func separator(text: String, expected: Character) throws {
        #expect(try load("domain_separator = \(text)\n").configuration.domainSeparator.value == expected)
    }

    @Test(
        "What a key refuses",
        arguments: [
            ("proxy_execution_mode", "users", ConfigurationDiagnostic.Code.invalidValue),
            ("proxy_execution_mode", "", .invalidValue),
            ("proxy_execution_mode", "desktop", .invalidValue),
            ("proxy_execution_mode", "{ user }", .invalidValue),
            ("proxy_execution_mode", "'user'", .singleQuotes),
            ("proxy_execution_mode", "pro\u{200B}xy", .controlCharacter),
            ("proxy_account", "", .invalidValue),
            ("proxy_account", "A\\b", .bareUserNameOnly),
            ("proxy_account", "1000", .invalidValue),
            ("proxy_account", "#1000", .invalidValue),
            ("proxy_account", "\"#1000\"", .invalidValue),
            ("proxy_account", "-u", .invalidValue),
            ("proxy_account", "$(id)", .invalidValue),
            ("proxy_account", "${ref.account}", .invalidValue),
            ("proxy_account", "john smith", .invalidValue),
            ("denied_accounts", "alice, 1000", .invalidValue),
            ("worker_host_domain", "A@B", .invalidValue),
            ("worker_host_domain", "A\\B", .invalidValue),
            ("worker_host_domain", "127", .invalidValue),
            ("proxy_account", "A\\\u{301}b", .bareUserNameOnly),
            ("worker_host_domain", "MyCorp\\", .invalidValue),
            ("worker_host_domain", "My Corp", .invalidValue),
            ("worker_host_domain", ".", .invalidValue),
            ("proxy_nice_value", "-21", .outOfRange),
            ("proxy_nice_value", "21", .outOfRange),
            ("proxy_nice_value", "high", .invalidValue),
            ("proxy_nice_value", "1.5", .invalidValue),
            ("proxy_nice_value", "0x10", .invalidValue),
            ("proxy_nice_value", "99999999999999999999", .invalidValue),
            ("proxy_nice_value", "", .invalidValue),
            ("service_mode", "user", .invalidValue),
            ("launch_backend", "runuser", .invalidValue),
            ("pam_service", "../su", .invalidValue),
            ("pam_service", "", .invalidValue),
            ("pam_service", "Render-Jobs", .invalidValue),
            ("pam_service", "-render", .invalidValue),
            ("pam_service", ".render", .invalidValue),
            ("pam_service", String(repeating: "r", count: 65), .invalidValue),
            ("minimum_uid", "0", .outOfRange),
            ("minimum_uid", "-1", .outOfRange),
            ("minimum_uid", "4294967295", .outOfRange),
            ("minimum_uid", "", .invalidValue),
            ("denied_accounts", "alice,,bob", .invalidValue),
            ("denied_accounts", "alice,", .invalidValue),
            ("denied_accounts", "bob,\u{A0}alice", .controlCharacter),
            ("allowed_accounts", "", .invalidValue),
            ("allowed_groups", "\"\"", .invalidValue),
            ("denied_groups", "4294967295", .invalidValue),
            ("denied_groups", "99999999999", .invalidValue),
            ("denied_groups", "-wheel", .invalidValue),
            ("denied_groups", "wheel:x", .invalidValue),
            ("denied_groups", "wheel; sudo", .invalidValue),
            ("denied_groups", "[wheel, sudo]", .invalidValue),
            ("denied_groups", "wheel, \"domain admins\"", .invalidValue),
            ("denied_groups", "@wheel", .invalidValue),
            ("denied_groups", "%wheel", .invalidValue),
            ("allowed_groups", "+artists", .invalidValue),
            ("denied_groups", "wheel\u{200B}", .controlCharacter),
            ("visible_domains", "A B", .invalidValue),
            ("domain_separator", "", .invalidValue),
            ("domain_separator", "::", .invalidValue),
            ("domain_separator", "a", .invalidValue),
            ("domain_separator", "@", .invalidValue),
            ("environment", "inherit", .invalidValue),
            ("state", "", .invalidValue),
            ("state", "/var/lib/a.db", .invalidValue),
            ("state", "sqlite://relative.db", .invalidValue),
            ("state", "sqlite:///a/../b", .invalidValue),
            ("state", "postgresql://", .invalidValue),
            ("state", "memory:x", .invalidValue),
            ("audit_log", "jobs.jsonl", .invalidValue),
            ("audit_log", "/var/log/../../etc/passwd", .invalidValue),
            ("audit_log", "/var/log/", .invalidValue),
            ("audit_log", "/", .invalidValue),
            ("audit_log", "", .invalidValue),
        ]
    )
    func refused(key: String, text: String, code: ConfigurationDiagnostic.Code) {
        let found = findings("\n\n\(key) = \(text)\n")
        #expect(found.map(\.code) == [code])
        #expect(found.map(\.severity) == [.error])
        #expect(found.map(\.line) == [3])
        #expect(found.allSatisfy { $0.text.contains(key) && !$0.remedy.isEmpty })
    }

    @Test(
        "What a key accepts with a warning",
        arguments: [
            (
                "proxy_execution_mode = User",
                #"warning: proxy_execution_mode: "User" is read as user; write user"#
            ),
            ("launch_backend = SUDO", #"warning: launch_backend: "SUDO" is read as sudo; write sudo"#),
            (
                "proxy_nice_value = 20",
                "warning: proxy_nice_value: 20 is read as 19, the lowest priority there is on this system; write 19"
            ),
        ]
    )
    func tolerated(line: String, expected: String) throws {
        let loaded = try load(line)
        #expect(loaded.diagnostics.map(\.description) == ["/etc/qb.conf:1: \(expected)"])
        #expect(loaded.passesCheck)
    }

    @Test
    func `A tolerated value means what the warning says`() throws {
        let configuration = try load("proxy_execution_mode = USER\nproxy_nice_value = 20\n").configuration
        #expect(configuration.proxyExecutionMode.value == .user)
        #expect(configuration.niceValue.value == 19)
    }

    @Test(
        "Messages say what would be right",
        arguments: [
            (
                "proxy_execution_mode = users",
                #"proxy_execution_mode: "users" is no value of this key; use one of: user, proxy"#
            ),
            ("proxy_nice_value = 21", "proxy_nice_value: 21 is no nice value; use a number from -20 to 19"),
            (
                "worker_host_domain = -x",
                #"worker_host_domain: "-x" cannot be the name of a domain: its domain begins with '-', and tools may "#
                    + "read it as an option; write the domain alone, such as MYCORP or mycorp.example"
            ),
            (
                "minimum_uid = 0",
                "minimum_uid: 0 cannot be the smallest user id of a job; use a number from 1 to 4294967294; "
                    + "the superuser never runs jobs"
            ),
            (
                "allowed_accounts =",
                "allowed_accounts: the list is empty, which would allow nobody; "
                    + "name what is allowed, or remove the key to allow all that is not denied"
            ),
            (
                "state = mysql://u:pw@h/d",
                "state: the value is no URL of a store; "
                    + "write sqlite:///absolute/path, postgresql://host/database or memory:"
            ),
        ]
    )
    func message(line: String, expected: String) {
        #expect(messages(line) == ["/etc/qb.conf:1: error: \(expected)"])
    }

    @Test
    func `Two spellings of one letter stay two names`() throws {
        let groups = try load("denied_groups = caf\u{E9},cafe\u{301}\n").configuration.deniedGroups.value
        let spellings = groups.map { group in
            guard case .named(let name) = group else { return 0 }
            return name.utf8.count
        }
        #expect(spellings == [5, 6])
    }

    @Test
    func `A combining mark does not hide a comma`() throws {
        let groups = try load("denied_groups = wheel,\u{301}x\n").configuration.deniedGroups.value
        #expect(groups.first == .named("wheel"))
    }
}
