import Faults
import Foundation
import Glibc
import Testing

@testable import impersonate

@Suite("impersonate doctor: what would keep jobs from running", .inTestBed)
struct DoctorTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    private func examine(
        _ prefix: [String] = [],
        settings: [String] = ["proxy_account = render_user"],
        arguments: [String] = []
    ) async throws -> (status: Int32, findings: [String: Finding]) {
        let configuration = try scratch.configure(settings)
        let outcome = try await Tool(prefix: prefix).run(["doctor", "--json"] + configuration + arguments)
        let findings = try JSONDecoder().decode([Finding].self, from: Data(outcome.output.utf8))
        return (outcome.status, Dictionary(findings.map { ($0.check, $0) }, uniquingKeysWith: { first, _ in first }))
    }

    @Test("as root in a good house nothing fails, and every check is there")
    func findsNothing() async throws {
        let (status, findings) = try await examine()
        #expect(status == 0)
        #expect(findings.values.filter { $0.status == .failed } == [])
        #expect(
            Set(findings.keys) == [
                "configuration", "user id", "no_new_privs", "securebits", "SIGCHLD", "CAP_SETUID", "CAP_SETGID",
                "CAP_SETPCAP", "CAP_KILL", "CAP_SYS_RESOURCE", "CAP_SYS_NICE", "audit log", "state", "proxy account",
                "fs.suid_dumpable", "vm.memfd_noexec", "yama.ptrace_scope", "clone3", "pidfd", "close_range",
                "PIDFD_GET_INFO", "cgroup v2", "nsswitch.conf", "lookups",
            ]
        )
        #expect(findings.values.allSatisfy { $0.status == .ok || !$0.remedy.isEmpty })
        #expect(!scratch.has("audit.jsonl"))
    }

    @Test(
        "a directory that can be down without anybody noticing is a warning",
        arguments: [
            ("passwd: files sss\ngroup: files sss\n", nil), ("passwd: sss files\n", "passwd: sss"),
            ("passwd: files\ngroup: sss [!NOTFOUND=return] files systemd # x\n", "group: sss"),
            ("group: files winbind\ninitgroups: winbind files\n", "initgroups: winbind"),
            ("passwd: files ldap sss\nhosts: dns files\n", nil), ("", nil), ("passwd: compat\n", nil),
            ("passwd: compat systemd\n", "passwd: compat"), ("group: files compat\n", nil),
        ] as [(String, String?)]
    )
    func nameServiceOrder(text: String, found: String?) {
        let finding = NameServiceOrderCheck(text: text).finding()
        #expect(finding.status == (found == nil ? .ok : .warning))
        if let found { #expect(finding.found.hasPrefix(found)) }
    }

    @Test("a kernel whose close_range(2) knows no CLOSE_RANGE_CLOEXEC, before Linux 5.11, is a failure")
    func oldCloseRange() async {
        await #expect(processExitsWith: .success) {
            let marking = fault_condition(comparison: Int32(FAULT_EQUAL.rawValue), argument: 2, value: 4)
            #expect(unsafe fault_install(fault_system_call("close_range"), marking, fault_condition(), EINVAL) == 0)
            let found = try #require(KernelCheck().findings().first { $0.check == "close_range" })
            #expect(found.status == .failed)
            #expect(found.found.hasPrefix("not there"))
            #expect(found.remedy.hasPrefix("use Linux 5.11 or newer"))
        }
    }

    @Test("a dumpable flag that is not 0 refuses the direct mode, whatever else it does", arguments: [0, 1, 2])
    func dumpable(_ value: Int) {
        let found = KernelCheck.dumpable(value)
        #expect(found.status == (value == 1 ? .warning : .ok))
        #expect(found.found.hasPrefix("\(value): "))
        #expect(found.found.contains("the direct mode is refused, it takes 0") == (value != 0))
        #expect(KernelCheck.dumpable(nil).status == .warning)
    }

    @Test(
        "a group of the configuration that the directory does not know is told, with what becomes of jobs",
        arguments: [
            (["denied_groups = render, wheel"], .failed, "the directory does not know wheel, and so no job runs"),
            (["denied_groups = render, 4999"], .ok, nil),
            (["allowed_groups = render, wheel"], .warning, "the directory does not know wheel, which allows nobody"),
            (["allowed_groups = wheel, whel"], .failed, "does not know wheel, whel, and so no job runs"),
            (["denied_groups = render", "allowed_groups = wheel"], .failed, "allowed_groups"), ([], nil, nil),
        ] as [([String], Finding.Status?, String?)]
    )
    func groups(_ settings: [String], status: Finding.Status?, said: String?) async throws {
        let (exit, findings) = try await examine(settings: ["proxy_execution_mode = user"] + settings)
        let found = findings["groups"]
        #expect(found?.status == status)
        #expect(exit == (status == .failed ? 1 : 0))
        if let said { #expect(found?.found.contains(said) == true, "\(String(describing: found))") }
        if status != .ok, let found {
            #expect(found.found.contains("(\(scratch.file("worker.conf")):"))
            #expect(found.remedy == "correct the name, take it off the list, or make the group")
        }
    }

    @Test("a proxy account that nothing can be decided of has the remedy of the rule, and no other")
    func undecided() async throws {
        let (status, findings) = try await examine(settings: ["proxy_account = render_user", "denied_groups = wheel"])
        #expect(status == 1)
        #expect(findings["proxy account"]?.found.contains("does not know this group, which is denied") == true)
        #expect(findings["proxy account"]?.remedy == "correct the name or take it off the list")
    }

    @Test("nothing about a store that nobody uses is a failure; one that somebody has set is a warning")
    func state() async throws {
        try scratch.makeDirectory("open", owner: 2_002)
        for place in ["open", "absent"] {
            let state = "state = sqlite://\(scratch.file("\(place)/state.db"))"
            let (status, findings) = try await examine(settings: ["proxy_account = render_user", state])
            #expect(status == 0)
            #expect(findings["state"]?.status == .warning)
            #expect(findings["state"]?.found.contains("this version keeps nothing there") == true)
        }
        #expect(try await examine().findings["state"]?.status == .ok)
    }

    @Test("a missing capability is named even at user id 0", arguments: ["setuid", "setgid"])
    func namesRequiredCapability(_ name: String) async throws {
        let prefix = ["/usr/bin/setpriv", "--bounding-set", "-\(name)", "--inh-caps", "-\(name)"]
        let (status, findings) = try await examine(prefix)
        let finding = try #require(findings["CAP_\(name.uppercased())"])
        #expect(status == 1)
        #expect(findings["user id"]?.found == "0")
        #expect(finding.status == .failed)
        #expect(finding.found.hasPrefix("missing: "))
        #expect(finding.remedy.contains("AmbientCapabilities=CAP_\(name.uppercased())"))
    }

    @Test(
        "a missing optional capability costs something and fails nothing",
        arguments: ["setpcap", "kill", "sys_nice"]
    )
    func namesOptionalCapability(_ name: String) async throws {
        let prefix = ["/usr/bin/setpriv", "--bounding-set", "-\(name)", "--inh-caps", "-\(name)"]
        let (status, findings) = try await examine(prefix)
        #expect(status == 0)
        #expect(findings["CAP_\(name.uppercased())"]?.status == .warning)
    }

    @Test("an ordinary account lacks what the setuid backend needs, and nothing that the current one does")
    func looksAtOrdinaryAccounts() async throws {
        let alice = Tool.asAccount(2_001).prefix
        try scratch.makeDirectory("alice", owner: 2_001)
        let (status, findings) = try await examine(alice)
        #expect(status == 1)
        #expect(findings["CAP_SETUID"]?.status == .failed)
        #expect(findings["audit log"]?.status == .failed)

        let configuration = try scratch.write(
            "desktop.conf",
            "service_mode = desktop\naudit_log = \(scratch.file("alice/audit.jsonl"))\nstate = memory:\n"
        )
        let desktop = try await Tool(prefix: alice).run(["doctor", "--config", configuration])
        #expect(desktop.status == 0, "\(desktop.output)")
    }

    @Test("privileges that were given away beforehand are noticed")
    func noticesNoNewPrivileges() async throws {
        let (status, findings) = try await examine(["/usr/bin/setpriv", "--no-new-privs"])
        #expect(status == 0)
        #expect(findings["no_new_privs"]?.status == .warning)
    }

    @Test("an ignored SIGCHLD is noticed")
    func noticesIgnoredChildSignal() async throws {
        let (status, findings) = try await examine(["/usr/bin/env", "--ignore-signal=CHLD"])
        #expect(status == 1)
        #expect(findings["SIGCHLD"]?.status == .failed)
    }

    @Test(
        "a proxy account that could run nothing is a failure with the reason",
        arguments: [
            (["proxy_account = nobody-here"], "accountNotFound"), (["proxy_account = root"], "superuser"),
            (["proxy_account = svc999"], "belowMinimumUserID"),
            (["proxy_account = render_user", "denied_groups = farm01"], "deniedGroup"),
        ]
    )
    func judgesTheProxyAccount(_ settings: [String], reason: String) async throws {
        let (status, findings) = try await examine(settings: settings)
        #expect(status == 1)
        #expect(findings["proxy account"]?.status == .failed)
        #expect(findings["proxy account"]?.found.hasPrefix("\(reason): ") == true)
    }

    @Test("an audit log that would be refused is a failure with the remedy")
    func examinesTheAuditLog() async throws {
        try scratch.write("audit.jsonl", "")
        let (status, findings) = try await examine()
        #expect(status == 1)
        #expect(findings["audit log"]?.remedy == "chmod 600 \(scratch.file("audit.jsonl"))")
    }

    @Test("a configuration that cannot be used is a failure with its line")
    func examinesTheConfiguration() async throws {
        let (status, findings) = try await examine(settings: ["minimum_uid = 0"])
        #expect(status == 1)
        #expect(findings["configuration"]?.found.hasPrefix("\(scratch.file("worker.conf")):1: ") == true)
    }

    @Test("the pam backend needs a system helper and a service of PAM")
    func examinesSessions() async throws {
        let socket = scratch.file("helper.sock")
        let arguments = ["--backend", "pam", "--helper-socket", socket]
        let (status, findings) = try await examine(settings: ["pam_service = no-such-service"], arguments: arguments)
        #expect(status == 1)
        #expect(findings["system helper"]?.status == .failed)
        #expect(findings["PAM service"]?.status == .failed)
        #expect(findings["PAM service"]?.found.hasPrefix("/etc/pam.d/no-such-service cannot be read") == true)
    }
}
