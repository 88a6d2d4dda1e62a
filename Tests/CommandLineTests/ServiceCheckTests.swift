import Foundation
import Glibc
import Testing

@testable import impersonate

@Suite("impersonate doctor: the file of a service of PAM", .inTestBed)
struct ServiceCheckTests {
    /// A file in the bed's own `/etc/pam.d`.
    private final class ServiceFixture {
        let name = "doctor-\(UInt32.random(in: 0...UInt32.max))"
        var path: String { "/etc/pam.d/\(name)" }

        init(_ text: String) throws {
            try Data(text.utf8).write(to: URL(filePath: path))
        }

        deinit {
            try? FileManager.default.removeItem(atPath: path)
        }

        var findings: [Finding] { ServiceCheck(service: name).findings() }
    }

    /// What has to be there, in the form that another line may stand in front of, or in the place of.
    private static let good = """
        auth     required pam_unix.so
        account  required pam_unix.so
        session  required pam_permit.so

        """

    /// A file, and what is found of it; nothing but `.ok` where that is `nil`.
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let text: String
        var status = Finding.Status.ok
        var found: String?
        var remedy = ""

        init(_ name: String, _ text: String) {
            (testDescription, self.text) = (name, text)
        }

        init(_ name: String, _ text: String, _ status: Finding.Status, _ found: String, _ remedy: String) {
            self.init(name, text)
            (self.status, self.found, self.remedy) = (status, found, remedy)
        }
    }

    private static let asksGate = "is asked for authentication: what it refuses looks like a wrong password"

    static let cases = [
        Case("what a session needs", good),
        Case(
            "the same in capitals, of modules that may be absent, by their paths, and in lines that go on",
            """
            AUTH required /lib/security/pam_unix.so
            account [success=ok \\
                default=bad] pam_unix.so
            -session optional pam_permit.so
            """
        ),
        Case("pam_systemd in a comment alone", good + "# session optional pam_systemd.so\n"),
        Case("pam_systemd that is not for sessions", "auth optional pam_systemd.so\n" + good),
        Case(
            "pam_systemd",
            good + "session optional pam_systemd.so # as logins have\n",
            .warning,
            "has pam_systemd, which moves jobs out of the cgroup",
            "take it out"
        ),
        Case(
            "pam_systemd by its path, where it may be absent",
            good + "-session optional /usr/lib/x86_64-linux-gnu/security/pam_systemd.so class=background\n",
            .warning,
            "has pam_systemd, which moves jobs out of the cgroup",
            "take it out"
        ),
        Case(
            "no auth",
            "account required pam_unix.so\nsession required pam_permit.so\n",
            .failed,
            "has no line for auth,",
            "write one"
        ),
        Case(
            "no account",
            "auth required pam_unix.so\nsession required pam_permit.so\n",
            .failed,
            "has no line for account,",
            "write one"
        ),
        Case(
            "no session",
            "auth required pam_unix.so\naccount required pam_unix.so\n",
            .failed,
            "has no line for session,",
            "write one"
        ),
        Case(
            "an include that is not there",
            good + "@include no-such-file\n",
            .failed,
            "includes /etc/pam.d/no-such-file, which cannot be read",
            "install that file"
        ),
        Case(
            "one of a kind that is not there",
            good + "session include no-such-file\n",
            .failed,
            "includes /etc/pam.d/no-such-file, which cannot be read",
            "install that file"
        ),
        Case(
            "one in a stack of its own that is not there",
            good + "account substack no-such-file\n",
            .failed,
            "includes /etc/pam.d/no-such-file, which cannot be read",
            "install that file"
        ),
        Case(
            "a gate that is asked for authentication",
            "auth required pam_faillock.so preauth\n" + good,
            .warning,
            "pam_faillock.so \(asksGate)",
            "move it to account, or put it in front as requisite"
        ),
        Case(
            "one that ends it, behind who asks for the password",
            good + "auth requisite pam_listfile.so\n",
            .warning,
            "pam_listfile.so \(asksGate)",
            "move it to account, or put it in front as requisite"
        ),
        Case(
            "the second of two",
            "auth requisite pam_time.so\nauth required pam_access.so\n" + good,
            .warning,
            "pam_access.so \(asksGate)",
            "move it to account, or put it in front as requisite"
        ),
        Case("a gate in front that ends it", "auth requisite pam_faillock.so preauth\n" + good),
        Case("a gate of accounts", "account required pam_access.so\n" + good),
        Case(
            "pam_unix in front of a directory's",
            good + "account sufficient pam_sss.so\n",
            .warning,
            "pam_unix may answer for accounts of a directory before pam_sss.so is asked",
            "let pam_sss.so stand alone for such accounts"
        ),
        Case(
            "pam_unix far in front of a directory's",
            good + "account required pam_permit.so\naccount required pam_winbind.so\n",
            .warning,
            "pam_unix may answer for accounts of a directory before pam_winbind.so is asked",
            "let pam_winbind.so stand alone for such accounts"
        ),
        Case("pam_unix behind a directory's", "account required pam_sss.so\n" + good),
        Case(
            "a directory's alone",
            "auth required pam_sss.so\naccount required pam_sss.so\nsession optional pam_sss.so\n"
        ),
        Case(
            "Kerberos without who knows of locks",
            "auth required pam_krb5.so\naccount required pam_krb5.so\nsession optional pam_krb5.so\n",
            .warning,
            "pam_krb5 is asked for authentication",
            "take pam_sss with Kerberos, which says otherwise, or register the password again afterwards"
        ),
        Case("Kerberos that looks at accounts alone", "account required pam_krb5.so\n" + good),
        Case("winbind with tickets in a file", "auth required pam_winbind.so krb5_auth krb5_ccache_type=FILE\n" + good),
        Case(
            "winbind with tickets in the keyring",
            "auth required pam_winbind.so krb5_auth krb5_ccache_type=KEYRING\n" + good,
            .warning,
            "keeps tickets in the keyring",
            "set krb5_ccache_type=FILE"
        ),
        Case("pam_unix in front of a directory's for the password alone", good + "auth required pam_sss.so\n"),
    ]

    @Test("is looked at for what keeps jobs from their sessions", arguments: cases)
    func looks(_ example: Case) throws {
        let service = try ServiceFixture(example.text)
        let findings = service.findings
        let finding = try #require(findings.first)
        #expect(findings.count == 1, "\(findings)")
        #expect(finding.check == "PAM service")
        #expect(finding.status == example.status, "\(finding)")
        #expect(finding.remedy == example.remedy)
        #expect(finding.found.contains(service.path))
        #expect(finding.found.contains(example.found ?? "has what a session needs"), "\(finding.found)")
    }

    @Test("is looked at with all that it includes, and an include of one kind brings that kind alone")
    func includes() throws {
        let whole = try ServiceFixture(Self.good + "session optional pam_systemd.so\n")
        #expect(try ServiceFixture("@include \(whole.name)\n").findings.map(\.status) == [.warning])
        #expect(try ServiceFixture("@include \(whole.path)\n").findings.map(\.status) == [.warning])
        let parts = try ServiceFixture("auth include \(whole.name)\naccount substack \(whole.name)\n")
        #expect(
            parts.findings.map(\.found) == [
                "\(parts.path) has no line for session, so PAM takes those of the service other, which mostly refuse"
            ]
        )
        // Over one that includes itself PAM crashes.
        let circle = try ServiceFixture("")
        try Data("\(Self.good)@include \(circle.name)\n".utf8).write(to: URL(filePath: circle.path))
        #expect(circle.findings.map(\.status) == [.failed])
        #expect(circle.findings.first?.found.contains("includes itself") == true)
    }

    @Test("may have several faults, which are all told")
    func several() throws {
        let service = try ServiceFixture("session optional pam_systemd.so\n@include no-such-file\n")
        let findings = service.findings
        #expect(findings.map(\.status) == [.failed, .failed, .failed, .warning])
        #expect(findings.allSatisfy { $0.check == "PAM service" && !$0.remedy.isEmpty })
        let missing = ServiceCheck(service: "\(service.name)-absent").findings()
        #expect(missing.map(\.status) == [.failed])
        #expect(missing.first?.remedy.contains("make install-helper") == true)
        for name in ["", "../pam.d/\(service.name)", "Upper"] {
            #expect(ServiceCheck(service: name).findings().map(\.found) == ["\(name) is no name of a service"])
        }
    }

    @Test("as it is shipped has nothing against it, and the helper's policy has to permit it")
    func shipped() async throws {
        #expect(
            ServiceCheck(service: "impersonation").findings().map(\.found)
                == ["/etc/pam.d/impersonation has what a session needs"]
        )
        let scratch = try Scratch()
        let renderd = 990
        try scratch.makeDirectory("logs", owner: renderd)
        let lines = ["proxy_account = render_user", "audit_log = \(scratch.file("logs/audit.jsonl"))"]
        let file = try scratch.write("worker.conf", lines.joined(separator: "\n") + "\n")
        for permitted in [false, true] {
            let policy = "peers = \(renderd)\naccounts = *\n" + (permitted ? "pam-services = impersonation\n" : "")
            try await HelperOfTool.running(policy) { options in
                func findings(_ backend: String) async throws -> [String: Finding] {
                    let arguments = ["doctor", "--json", "--config", file, "--backend", backend] + options
                    let outcome = try await Tool.asAccount(renderd).run(arguments)
                    let all = try JSONDecoder().decode([Finding].self, from: Data(outcome.output.utf8))
                    #expect(outcome.status == (all.contains { $0.status == .failed } ? 1 : 0))
                    return Dictionary(all.map { ($0.check, $0) }, uniquingKeysWith: { first, _ in first })
                }
                let session = try await findings("pam")
                #expect(session["PAM service"]?.status == .ok)
                let helper = try #require(session["system helper"])
                #expect((helper.status == .failed) == !permitted)
                #expect(helper.found.contains("its policy permits no PAM service") == !permitted)
                #expect(helper.remedy.contains("pam-services") == !permitted)
                // Without sessions none has to be permitted.
                let plain = try await findings("helper")
                #expect(plain["system helper"].map { $0.status != .failed } == true)
                #expect(plain["PAM service"] == nil)
            }
        }
    }
}
