import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// Linux-PAM's own modules with files as administrators write them, in the bed's `/etc`.
@Suite("A session with the modules of the distribution", .testBed)
struct DistributionModuleTests {
    private let letIn = ["auth required pam_permit.so", "account required pam_permit.so"]

    private func report(
        of person: TestBed.Person = TestBed.alice,
        _ launcher: PAMLauncher,
        configure: (inout Command) -> Void = { _ in }
    ) async throws -> ProbeReport {
        var command = Command(.path(FilePath(TestBed.probe)))
        configure(&command)
        let result = try await run(command, as: person.identity, launcher)
        try #require(result.exit.status == .exited(0), "\(result.exit.standardError?.text ?? "")")
        return try ProbeReport(json: result.exit.standardOutput?.bytes ?? [])
    }

    @Test("gives the job the groups of pam_group, beside all of the account's")
    func groups() async throws {
        let lines = [
            "auth required pam_permit.so", "auth required pam_group.so", "account required pam_permit.so",
            "session required pam_permit.so",
        ]
        let (service, other) = (try PAMService(lines), try PAMService(lines))
        let rules = try ReplacedFile(
            "/etc/security/group.conf",
            "\(service.name);*;alice;Al0000-2400;farm02, farm03\n"
        )
        let helper = try RunningHelper(policy: ["peers = 0", "pam-services = \(service.name) \(other.name)"])
        let launcher = PAMLauncher(helper, service)
        #expect(try await report(launcher).groups == TestBed.alice.groups + [3102, 3103])
        #expect(try await report(of: TestBed.bob, launcher).groups == TestBed.bob.groups)
        #expect(try await report(PAMLauncher(helper, other)).groups == TestBed.alice.groups)
        let process = try await launcher.launch(
            patient(Command(.path("/bin/sleep"), arguments: ["100000"])),
            as: TestBed.alice.identity
        )
        #expect(process.report.session?.addedGroups == [GroupID(3102), GroupID(3103)])
        // As the kernel has it.
        let status = try ProcFile.read(FilePath("/proc/\(process.processID.rawValue)/status"))
        #expect(status.contains("\nGroups:\t2001 3001 3002 3102 3103 \n"))
        _ = try await process.terminate(gracePeriod: .zero)
        rules.restore()
    }

    @Test("gives the job the limits of pam_limits, and the command what it asks for below them")
    func limits() async throws {
        let service = try PAMService(letIn + ["session required pam_limits.so"])
        let helper = try RunningHelper(policy: service.policy)
        let launcher = PAMLauncher(helper, service)
        let rules: FilePath = "/etc/security/limits.d/render.conf"
        try writeFile("alice soft nofile 333\nalice hard nofile 444\n@render hard cpu 90\n", to: rules)
        defer { _ = unsafe unlink(rules.string) }
        let alice = try await report(launcher)
        #expect(alice.limits["openFiles"] == ProbeReport.Limit(soft: 333, hard: 444))
        // In minutes there.
        #expect(alice.limits["cpu"]?.hard == 5_400)
        let asked = try await report(launcher) {
            $0.resourceLimits[.openFiles] = ResourceLimits.Limit(soft: 222, hard: 4_000)
        }
        #expect(asked.limits["openFiles"] == ProbeReport.Limit(soft: 222, hard: 444))
        let bob = try await report(of: TestBed.bob, launcher)
        #expect(bob.limits["openFiles"] != alice.limits["openFiles"])
        #expect(bob.limits["cpu"]?.hard == nil)
    }

    @Test("gives the job the variables of pam_env, but for those that a loader or a shell obeys")
    func variables() async throws {
        let service = try PAMService(letIn + ["session required pam_env.so"])
        let helper = try RunningHelper(policy: service.policy)
        let rules = try ReplacedFile(
            "/etc/security/pam_env.conf",
            "SHOT DEFAULT=s001-@{PAM_USER}\nPYTHONPATH DEFAULT=/tmp\nHOME DEFAULT=/tmp\n"
        )
        let environment = try ReplacedFile("/etc/environment", "FARM=north\nLD_PRELOAD=/tmp/x.so\nPATH=/tmp\n")
        let launcher = PAMLauncher(helper, service)
        let own = try await report(launcher) { $0.environment = .export(["FARM": "south"]) }
        #expect(own.variables["SHOT"] == "s001-alice")
        // The submitter's stays.
        #expect(own.variables["FARM"] == "south")
        let usual = try await runProbe(as: TestBed.alice.identity)
        let given = ["SHOT": "s001-alice", "FARM": "north"]
        #expect(try await report(launcher).variables == usual.variables.merging(given) { $1 })
        environment.restore()
        rules.restore()
        #expect(try await report(launcher).variables == usual.variables)
    }

    @Test("gives the job the mask of pam_umask, unless the command sets one")
    func mask() async throws {
        let service = try PAMService(letIn + ["session required pam_umask.so"])
        let helper = try RunningHelper(policy: service.policy)
        let settings = try ReplacedFile("/etc/login.defs", "UMASK 027\n")
        let launcher = PAMLauncher(helper, service)
        #expect(try await report(launcher).umask == 0o027)
        #expect(
            try await report(launcher) { $0.fileModeCreationMask = FilePermissions(rawValue: 0o070) }.umask == 0o077
        )
        settings.restore()
        let own = try PAMService(letIn + ["session required pam_umask.so umask=0007"])
        let other = try RunningHelper(policy: own.policy)
        #expect(try await report(PAMLauncher(other, own)).umask == 0o007)
    }

    @Test("runs nothing as somebody whom pam_access does not let in, and says so")
    func access() async throws {
        let service = try PAMService([
            "auth required pam_permit.so", "account required pam_access.so", "session required pam_permit.so",
        ])
        let helper = try RunningHelper(policy: service.policy)
        let rules = try ReplacedFile("/etc/security/access.conf", "-:(render):ALL\n+:ALL:ALL\n")
        let launcher = PAMLauncher(helper, service)
        let marker = freshPath("marker")
        let error = try await launchError(
            Command(.path("/usr/bin/touch"), arguments: [marker.string]),
            as: TestBed.alice.identity,
            launcher
        )
        #expect(error.code == .accountRefused)
        #expect(error.step == .checkAccount)
        #expect(error.sessionRefusal?.reason == .accessDenied)
        #expect(error.sessionRefusal?.code == 6)
        #expect(error.message.contains("pam_access"))
        #expect(!exists(marker))
        let bob = try await run(Command(.path("/bin/true")), as: TestBed.bob.identity, launcher)
        #expect(bob.exit.status == .exited(0))
        rules.restore()
        let alice = try await run(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
        #expect(alice.exit.status == .exited(0))
    }

    @Test("gives the job nothing of a session that pam_deny ends, where the policy lets it run without")
    func denied() async throws {
        let begun =
            letIn + [
                "auth required pam_group.so", "session required pam_keyinit.so force revoke",
                "session required pam_loginuid.so",
                "session required pam_limits.so", "session required pam_env.so",
                "session required pam_umask.so umask=0077",
            ]
        let (whole, broken) = (try PAMService(begun), try PAMService(begun + ["session required pam_deny.so"]))
        let groups = try ReplacedFile("/etc/security/group.conf", "*;*;alice;Al0000-2400;farm02\n")
        let environment = try ReplacedFile("/etc/environment", "FARM=north\n")
        let rules: FilePath = "/etc/security/limits.d/render.conf"
        try writeFile("alice soft nofile 333\n", to: rules)
        defer { _ = unsafe unlink(rules.string) }
        let helper = try RunningHelper(
            policy: ["peers = 0", "pam-services = \(whole.name) \(broken.name)", "pam-session-failure = continue"]
        )
        let full = try await report(PAMLauncher(helper, whole))
        let rest = try await report(PAMLauncher(helper, broken))
        let usual = try await runProbe(as: TestBed.alice.identity)
        #expect(full.limits["openFiles"]?.soft == 333)
        #expect(full.umask == 0o077)
        #expect(full.variables["FARM"] == "north")
        // Those are the credentials', which have been established.
        for report in [full, rest] { #expect(report.groups == TestBed.alice.groups + [3102]) }
        #expect(rest.limits["openFiles"]?.soft == usual.limits["openFiles"]?.soft)
        #expect(rest.umask == usual.umask)
        #expect(rest.variables == usual.variables)
        #expect(rest.sessionKeyring?.hasSuffix(";_ses") == true)
        #expect(rest.sessionKeyring?.contains(";2001;") == true)
        // Nobody can take that back.
        if TestBed.hasMachineRoot { #expect(rest.loginUserID == 2001) }
        groups.restore()
        environment.restore()
    }
}
