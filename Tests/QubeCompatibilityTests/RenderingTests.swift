import FoundationEssentials
import Impersonation
import SystemPackage
import Testing

@testable import QubeCompatibility

@Suite("Showing a configuration")
struct RenderingTests {
    private static let everything = """
        proxy_execution_mode = user
        proxy_account = render
        proxy_password = 06dee4e09a91
        worker_host_domain = MyCorp
        proxy_nice_value = 10
        service_mode = service
        launch_backend = pam
        pam_service = render-jobs
        minimum_uid = 500
        denied_accounts = alice, bob
        allowed_accounts = carol
        denied_groups = "domain admins"
        allowed_groups = artists, td
        visible_domains = A, B
        domain_separator = "\\\\"
        environment = export
        state = postgresql://farm:06dee4@db@db.example/jobs?password=06dee4
        audit_log = "/var/log/a # b"
        worker_cluster = /vfx
        database_password = 06dee4e09a91

        """

    @Test
    func `Every key, its value and its line are shown, and no secret`() throws {
        #expect(
            try load(Self.everything).configuration.rendered() == """
                proxy_execution_mode = user                          # /etc/qb.conf:1
                proxy_account = render                               # /etc/qb.conf:2
                # proxy_password = (set)                             # /etc/qb.conf:3
                worker_host_domain = MyCorp                          # /etc/qb.conf:4
                proxy_nice_value = 10                                # /etc/qb.conf:5
                service_mode = service                               # /etc/qb.conf:6
                launch_backend = pam                                 # /etc/qb.conf:7
                pam_service = render-jobs                            # /etc/qb.conf:8
                minimum_uid = 500                                    # /etc/qb.conf:9
                denied_accounts = alice,bob                          # /etc/qb.conf:10
                allowed_accounts = carol                             # /etc/qb.conf:11
                denied_groups = domain admins                        # /etc/qb.conf:12
                allowed_groups = artists,td                          # /etc/qb.conf:13
                visible_domains = A,B                                # /etc/qb.conf:14
                domain_separator = \\                                 # /etc/qb.conf:15
                environment = export                                 # /etc/qb.conf:16
                # state = postgresql://farm:***@db.example/jobs?***  # /etc/qb.conf:17
                audit_log = "/var/log/a # b"                         # /etc/qb.conf:18
                # worker_cluster is not used here                    # /etc/qb.conf:19
                # database_password is not used here                 # /etc/qb.conf:20

                """
        )
    }

    @Test
    func `What nobody set is shown as built-in`() {
        let lines = WorkerConfiguration().rendered().split(separator: "\n")
        #expect(lines.allSatisfy { $0.hasSuffix("# built-in") })
        #expect(lines.first?.hasPrefix("proxy_execution_mode = proxy ") == true)
        #expect(lines.contains { $0.hasPrefix("# worker_host_domain is not set ") })
        #expect(lines.contains { $0.hasPrefix("state = sqlite:///var/lib/impersonation/state.db ") })
    }

    @Test("What is shown can be loaded again and says the same, secrets apart", arguments: ["", everything])
    func roundTrip(text: String) throws {
        let shown = try load(text).configuration
        let again = try load(shown.rendered())
        #expect(again.diagnostics.isEmpty)
        #expect(
            again.configuration.settings.filter { $0.key != "proxy_password" && $0.key != "state" }.map(\.value)
                == shown.settings.filter { $0.key != "proxy_password" && $0.key != "state" }.map(\.value)
        )
    }

    @Test
    func `The report is JSON with a place for every value`() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let loaded = try load("\nproxy_account = render\nproxy_password = 06dee4\nworker_clsuter = 1\nqb_domain = x\n")
        let json = String(decoding: try encoder.encode(ConfigurationReport(loaded)), as: UTF8.self)
        #expect(!json.contains("06dee4"))
        #expect(
            json.contains(
                #"{"isSecret":false,"key":"proxy_account","source":{"file":"/etc/qb.conf","line":2,"#
                    + #""origin":"/etc/qb.conf"},"value":"render"}"#
            )
        )
        #expect(
            json.contains(
                #"{"isSecret":true,"key":"proxy_password","source":{"file":"/etc/qb.conf","line":3,"#
                    + #""origin":"/etc/qb.conf"},"value":"(set)"}"#
            )
        )
        #expect(
            json.contains(
                #"{"isSecret":false,"key":"environment","source":{"origin":"built-in"},"value":"clean"}"#
            )
        )
        #expect(json.contains(#""otherKeys":[{"key":"qb_domain","source":{"file":"/etc/qb.conf","line":5,"#))
        #expect(
            json.contains(
                #""diagnostics":[{"code":"unknownKey","file":"/etc/qb.conf","line":4,"#
                    + #""remedy":"correct its spelling or remove it","severity":"warning","#
            )
        )
        #expect(json.contains(#""passes":false"#))
    }

    @Test
    func `A file that cannot be used is reported with its diagnostics alone`() throws {
        let error = try #require(throws: ConfigurationError.self) { try load("proxy_nice_value = 99\n") }
        let report = ConfigurationReport(error)
        #expect(error.code == .invalid)
        #expect(!report.passes)
        #expect(report.settings.isEmpty)
        #expect(report.diagnostics == error.diagnostics)
        #expect(
            "\(error)"
                == "/etc/qb.conf:1: error: proxy_nice_value: 99 is no nice value; use a number from -20 to 19"
        )
    }

    @Test
    func `Nothing prints a secret of a configuration`() throws {
        let configuration = try load(Self.everything).configuration
        var dumped = ""
        dump(configuration, to: &dumped)
        let printed = "\(configuration) \(String(reflecting: configuration)) \(dumped) \(configuration.rendered())"
        #expect(!printed.contains("06dee4"))
        #expect(printed.contains("(set)"))
    }

    @Test
    func `Whoever decrypts a password gets it as it was written`() throws {
        let password = try #require(try load("proxy_password = 06dee4e09a91 # c\n").configuration.proxyPassword.value)
        #expect(password.withText { $0 } == "06dee4e09a91")
    }

    @Test(
        "The URL of a store is shown without what may be a password",
        arguments: [
            ("postgresql://db.example/farm", "postgresql://db.example/farm"),
            ("postgresql://farm@db.example/farm", "postgresql://farm@db.example/farm"),
            ("postgresql://farm:pw@db.example/farm", "postgresql://farm:***@db.example/farm"),
            ("postgresql://farm:p@w:x@db.example/farm", "postgresql://farm:***@db.example/farm"),
            ("postgresql://farm:p?w@db.example/farm", "postgresql://***"),
            ("postgresql://db.example/farm?password=pw", "postgresql://db.example/farm?***"),
            ("sqlite:///var/lib/a.db", "sqlite:///var/lib/a.db"),
            // Signs that some letter before or after them makes part of one character.
            ("postgresql://farm:pw\u{600}@db.example/farm", "postgresql://farm:***@db.example/farm"),
            ("postgresql://farm:pw@\u{301}db.example/farm", "postgresql://farm:***@\u{301}db.example/farm"),
            ("postgresql://farm:\u{301}pw@db.example/farm", "postgresql://farm:***@db.example/farm"),
            ("postgresql://db.example/farm?\u{301}password=pw", "postgresql://db.example/farm?***"),
        ]
    )
    func storeURL(url: String, shown: String) {
        let location = StateLocation(url: url)
        #expect(location.description == shown)
        #expect(String(reflecting: location) == shown)
        #expect(!shown.contains("pw"))
    }
}
