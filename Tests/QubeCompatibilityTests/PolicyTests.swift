import Impersonation
import SystemPackage
import Testing

@testable import QubeCompatibility

@Suite("What a file makes of the policy")
struct PolicyTests {
    @Test
    func `An empty file means proxy mode as qubeproxy, built-in`() throws {
        let policy = try load("").configuration.policy
        #expect(policy.mode == Sourced(.proxy, from: .builtIn))
        #expect(policy.proxyAccount == Sourced("qubeproxy", from: .builtIn))
        #expect(policy.hostDomain == Sourced(nil, from: .builtIn))
    }

    @Test
    func `User mode is taken from its line`() throws {
        let policy = try load("\n# who\nproxy_execution_mode = user\n").configuration.policy
        #expect(policy.mode == Sourced(.user, from: .file(sample, line: 3)))
    }

    @Test
    func `A proxy account in user mode is kept and is no error`() throws {
        let loaded = try load("proxy_execution_mode = user\nproxy_account = render\n")
        #expect(loaded.configuration.policy.mode.value == .user)
        #expect(loaded.configuration.policy.proxyAccount == Sourced("render", from: .file(sample, line: 2)))
        #expect(loaded.diagnostics.isEmpty)
    }

    @Test
    func `Proxy mode runs jobs as the account the file names`() throws {
        let policy = try load("proxy_execution_mode = proxy\nproxy_account = render_user\n").configuration.policy
        #expect(policy.mode == Sourced(.proxy, from: .file(sample, line: 1)))
        #expect(policy.proxyAccount == Sourced("render_user", from: .file(sample, line: 2)))
    }

    @Test
    func `The host domain goes into the policy beside the bare account`() throws {
        let policy = try load("proxy_account = someuser\nworker_host_domain = MyCorp\n").configuration.policy
        #expect(policy.proxyAccount.value == "someuser")
        #expect(policy.hostDomain == Sourced("MyCorp", from: .file(sample, line: 2)))
    }

    @Test(
        "A proxy account with a domain is refused, and the remedy is the two lines to write",
        arguments: [
            #"MyCorp\someuser"#, #""MyCorp\\someuser""#, "someuser@MyCorp", "MyCorp/someuser",
        ]
    )
    func qualifiedProxyAccount(value: String) {
        let found = findings("\nproxy_account = \(value)\n")
        #expect(found.map(\.code) == [.bareUserNameOnly])
        #expect(found.map(\.severity) == [.error])
        #expect(found.map(\.line) == [2])
        #expect(found.map(\.remedy) == ["write proxy_account = someuser and worker_host_domain = MyCorp"])
        #expect(found.allSatisfy { $0.text.contains("bare user name only") })
    }

    @Test
    func `The site's own separator makes a proxy account qualified as well`() {
        #expect(
            messages("proxy_account = MyCorp+someuser\ndomain_separator = +\n") == [
                #"/etc/qb.conf:1: error: proxy_account: bare user name only: "MyCorp+someuser" names a domain as well; "#
                    + "write proxy_account = someuser and worker_host_domain = MyCorp"
            ]
        )
    }

    @Test(
        "Desktop mode beats whatever the proxy keys say",
        arguments: [
            "", "proxy_execution_mode = user", "proxy_execution_mode = proxy\nproxy_account = render",
            "proxy_password = 06dee4e09a91",
        ]
    )
    func desktopMode(others: String) throws {
        let configuration = try load("service_mode = desktop\n\(others)\n").configuration
        #expect(configuration.policy.mode == Sourced(.desktop, from: .file(sample, line: 1)))
        #expect(configuration.launchBackend == Sourced(.current, from: .file(sample, line: 1)))
    }

    @Test
    func `A backend that switches contradicts desktop mode`() {
        #expect(
            messages("launch_backend = setuid\nservice_mode = desktop\n") == [
                "/etc/qb.conf:1: error: launch_backend = setuid contradicts service_mode = desktop, where no account is "
                    + "switched (/etc/qb.conf:2); remove launch_backend, or write service_mode = service"
            ]
        )
        #expect(findings("launch_backend = current\nservice_mode = desktop\n").isEmpty)
    }

    @Test
    func `A backend that does not switch starts nothing outside of desktop mode, and is an error there`() {
        for others in ["", "service_mode = service\n", "proxy_execution_mode = user\n"] {
            let line = others.isEmpty ? 1 : 2
            #expect(
                messages("\(others)launch_backend = current\n") == [
                    "/etc/qb.conf:\(line): error: the backend current starts only jobs that keep the worker's account "
                        + "(service_mode = desktop); set that, or use launch_backend = setuid, which needs no privilege for "
                        + "jobs of the worker's own account"
                ]
            )
        }
        // One mistake is told once.
        #expect(findings("service_mode = desktp\nlaunch_backend = current\n").map(\.code) == [.invalidValue])
        #expect(findings("service_mode = desktop\nlaunch_backend = current\n").isEmpty)
    }

    @Test
    func `The site's rules and spelling come from the file`() throws {
        let policy = try load("minimum_uid = 500\nvisible_domains = A, B\ndomain_separator = +\n").configuration.policy
        let rule = try #require(policy.accountRules.additional.first as? MinimumUserIDRule)
        #expect(rule.minimum == 500)
        #expect(rule.source == .file(sample, line: 1))
        #expect(policy.visibleDomains == Sourced(["A", "B"], from: .file(sample, line: 2)))
        #expect(policy.nameSyntax.separator == "+")
    }
}
