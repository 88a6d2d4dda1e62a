import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

@Suite("Impersonator: resolve, write down, launch")
struct ImpersonatorTests {
    private let audit = RecordingAuditLog()
    private let launcher = RecordingLauncher()
    private let currentAccountLauncher = RecordingLauncher(backend: .current)
    private let command = Command(.path("/usr/bin/render"), arguments: ["canary-in-an-argument"])

    private func impersonator(
        _ answer: ScriptedResolver.Answer,
        audit: RecordingAuditLog? = nil,
        launcher: RecordingLauncher? = nil
    ) -> Impersonator {
        Impersonator(
            resolver: ScriptedResolver([answer]),
            launcher: launcher ?? self.launcher,
            currentAccountLauncher: currentAccountLauncher,
            audit: audit ?? self.audit
        )
    }

    @Test("a command that is let through runs as the identity that was decided")
    func runsAsTheIdentity() async throws {
        let identity = try await Sample.identity()
        let outcome = try await impersonator(.resolves(.identity(identity, because: Sample.why)))
            .launch(command, for: Sample.request)

        #expect(outcome.process?.identity == identity)
        #expect(outcome.explanation == Sample.why)
        #expect(launcher.launches.map(\.command) == [command])
        #expect(launcher.launches.map(\.identity) == [identity])
    }

    @Test("decision, start and end are written down, in that order, before anybody is told of the end")
    func writesTheWholeWay() async throws {
        let identity = try await Sample.identity()
        let running = ScriptedProcess()
        let launcher = RecordingLauncher(script: [.runs(running)])
        let outcome = try await impersonator(
            .resolves(.identity(identity, because: Sample.why)),
            launcher: launcher
        )
        .launch(command, for: Sample.request)
        #expect(audit.records.map(\.event) == [.decision, .started])

        running.end(.success(ExitReport(status: .exited(7))))
        let report = try await outcome.process?.exitReport()

        #expect(report?.status == .exited(7))
        #expect(audit.records.map(\.event) == [.decision, .started, .ended])
        let decision = try #require(audit.records.first)
        #expect(decision.outcome == "identity")
        #expect(decision.reason == "selfAllowed")
        #expect(decision.account == identity.account)
        #expect(decision.mode == .user)
        #expect(decision.rules == Sample.why.entries)
        #expect(decision.executable == "/usr/bin/render")
        #expect(decision.backend == .setuid)
        let start = audit.records[1]
        #expect(start.timings == outcome.process?.report.timings)
        #expect(start.attestation == outcome.process?.report.attestation)
        let end = try #require(audit.records.last)
        #expect(end.timings == nil && end.attestation == nil)
        #expect(end.processID == ProcessID(rawValue: 1))
        #expect(end.status == .exited(7))
    }

    @Test("the end is written down also when nobody waits for it")
    func writesTheEndUnasked() async throws {
        let identity = try await Sample.identity()
        let running = ScriptedProcess()
        let ended = EndNotice()
        let impersonator = Impersonator(
            resolver: ScriptedResolver([.resolves(.identity(identity, because: Sample.why))]),
            launcher: RecordingLauncher(script: [.runs(running)]),
            audit: ended
        )
        _ = try await impersonator.launch(command, for: Sample.request)

        running.end(.success(ExitReport(status: .signaled(.kill))))

        #expect(await ended.record()?.status == .signaled(.kill))
    }

    @Test("a denial runs nothing and is written down")
    func deniesWithoutRunning() async throws {
        let outcome = try await impersonator(.resolves(.denied(Sample.denial, because: Sample.why)))
            .launch(command, for: Sample.request)

        guard case .denied(Sample.denial, because: Sample.why) = outcome else {
            Issue.record("expected the denial, got \(outcome)")
            return
        }
        #expect(launcher.launches.isEmpty)
        #expect(audit.records.map(\.outcome) == ["denied"])
        #expect(audit.records.map(\.reason) == ["superuser"])
        #expect(audit.records.map(\.request) == [Sample.request])
    }

    @Test("a badlogin runs nothing and is written down")
    func badLoginWithoutRunning() async throws {
        let outcome = try await impersonator(.resolves(.badLogin(Sample.badLogin, because: Sample.why)))
            .launch(command, for: Sample.request)

        guard case .badLogin(Sample.badLogin, because: Sample.why) = outcome else {
            Issue.record("expected the badlogin, got \(outcome)")
            return
        }
        #expect(launcher.launches.isEmpty)
        #expect(audit.records.map(\.reason) == ["credentialRejected"])
    }

    @Test("a request that could not be decided runs nothing and is written down")
    func writesThatNothingWasDecided() async throws {
        let failure = ResolutionError(
            .directoryUnavailable,
            message: "the name service is down",
            explanation: Sample.why
        )
        let error = await #expect(throws: ImpersonationError.self) {
            try await impersonator(.fails(failure)).launch(command, for: Sample.request)
        }

        #expect(error?.code == .resolutionFailed)
        #expect(error?.explanation == Sample.why)
        #expect(launcher.launches.isEmpty)
        #expect(audit.records.map(\.outcome) == ["error"])
        #expect(audit.records.map(\.reason) == ["directoryUnavailable"])
    }

    @Test("nothing runs while the decision cannot be written down, whatever it is", arguments: 0..<4)
    func runsNothingUnwritten(_ decision: Int) async throws {
        let identity = try await Sample.identity()
        let answers: [ScriptedResolver.Answer] = [
            .resolves(.identity(identity, because: Sample.why)),
            .resolves(.denied(Sample.denial, because: Sample.why)),
            .resolves(.badLogin(Sample.badLogin, because: Sample.why)),
            .fails(ResolutionError(.registryUnavailable, message: "the store is down")),
        ]
        let audit = RecordingAuditLog(refusing: [.decision])
        let error = await #expect(throws: ImpersonationError.self) {
            try await impersonator(answers[decision], audit: audit).launch(command, for: Sample.request)
        }

        #expect(error?.code == .auditFailed)
        #expect(launcher.launches.isEmpty)
    }

    @Test("once the process runs, a failing audit log takes nothing away")
    func keepsRunningUnwritten() async throws {
        let identity = try await Sample.identity()
        let audit = RecordingAuditLog(refusing: [.started, .ended])
        let outcome = try await impersonator(
            .resolves(.identity(identity, because: Sample.why)),
            audit: audit
        )
        .launch(command, for: Sample.request)

        #expect(try await outcome.process?.exitReport().status == .exited(0))
        #expect(audit.records.map(\.event) == [.decision])
    }

    @Test("a failed launch is written down with its code and thrown with its step")
    func writesTheFailedLaunch() async throws {
        let identity = try await Sample.identity()
        let failure = LaunchError(.stepFailed, step: .groups, errno: .notPermitted, message: "setgroups was refused")
        let launcher = RecordingLauncher(script: [.fails(failure)])
        let error = await #expect(throws: ImpersonationError.self) {
            try await impersonator(
                .resolves(.identity(identity, because: Sample.why)),
                launcher: launcher
            )
            .launch(command, for: Sample.request)
        }

        #expect(error?.code == .launchFailed)
        #expect(error?.launchError == failure)
        #expect(error?.resolution?.identity == identity)
        #expect(audit.records.map(\.event) == [.decision, .failed])
        #expect(audit.records.last?.reason == "stepFailed")
    }

    @Test("in desktop mode the launcher of the current account runs the command")
    func choosesTheLauncherByIdentity() async throws {
        let identity = try await Sample.identity(mode: .desktop)
        _ = try await impersonator(.resolves(.identity(identity, because: Sample.why)))
            .launch(command, for: Sample.request)

        #expect(launcher.launches.isEmpty)
        #expect(currentAccountLauncher.launches.count == 1)
        #expect(audit.records.first?.backend == .current)
    }

    @Test("a launcher that needs a credential is not asked without one")
    func needsTheCredential() async throws {
        let identity = try await Sample.identity()
        let launcher = RecordingLauncher(backend: .pam, requiresCredential: true)
        let outcome = try await impersonator(
            .resolves(.identity(identity, because: Sample.why)),
            launcher: launcher
        )
        .launch(command, for: Sample.request)

        guard case .badLogin(let badLogin, because: let why) = outcome else {
            Issue.record("expected a badlogin, got \(outcome)")
            return
        }
        #expect(badLogin.reason == .missing)
        #expect(why.entries.last?.rule == "credential")
        #expect(launcher.launches.isEmpty)
        #expect(audit.records.map(\.outcome) == ["badlogin"])
    }

    @Test("an account that PAM finds unusable is a badlogin; one whose directory does not answer is an error")
    func refusedBySession() async throws {
        let identity = try await Sample.identity()
        let unusable: [(SessionRefusal.Reason, BadLogin.Reason)] = [
            (.wrongPassword, .rejected), (.passwordExpired, .expired), (.accountExpired, .accountExpired),
            (.locked, .accountLocked),
        ]
        for (reason, expected) in unusable {
            let refusal = SessionRefusal(reason, code: 7, text: "Authentication failure")
            let error = LaunchError(.accountRefused, step: .authenticate, message: "no", sessionRefusal: refusal)
            let audit = RecordingAuditLog()
            let outcome = try await impersonator(
                .resolves(.identity(identity, because: Sample.why)),
                audit: audit,
                launcher: RecordingLauncher(backend: .pam, script: [.fails(error)])
            )
            .launch(command, for: Sample.request)
            guard case .badLogin(let badLogin, because: let why) = outcome else {
                Issue.record("expected a badlogin, got \(outcome)")
                continue
            }
            #expect(badLogin.reason == expected)
            #expect(why.entries.last?.rule == "session")
            #expect(audit.records.map(\.event) == [.decision, .failed])
        }
        // Whom the name service has found, a module that knows nobody does not make disappear.
        for reason in [
            SessionRefusal.Reason.serviceUnavailable, .sessionFailed, .accessDenied, .questionUnanswered,
            .unknownAccount,
        ] {
            let refusal = SessionRefusal(
                reason,
                code: 9,
                text: "Authentication service cannot retrieve authentication info"
            )
            let error = LaunchError(.directoryUnavailable, step: .authenticate, message: "no", sessionRefusal: refusal)
            await #expect(throws: ImpersonationError.self) {
                try await impersonator(
                    .resolves(.identity(identity, because: Sample.why)),
                    launcher: RecordingLauncher(backend: .pam, script: [.fails(error)])
                )
                .launch(command, for: Sample.request)
            }
        }
    }

    @Test("an explanation runs nothing and is not written down")
    func explainsWithoutATrace() async throws {
        let resolution = Resolution.denied(Sample.denial, because: Sample.why)
        #expect(try await impersonator(.resolves(resolution)).explain(Sample.request) == resolution)
        #expect(launcher.launches.isEmpty)
        #expect(audit.records.isEmpty)
    }

    @Test("no record holds an argument or an environment")
    func keepsArgumentsOut() async throws {
        let identity = try await Sample.identity()
        var command = command
        command.environment = .export(["TOKEN": "canary-in-a-variable"])
        let outcome = try await impersonator(.resolves(.identity(identity, because: Sample.why)))
            .launch(command, for: Sample.request)
        _ = try await outcome.process?.exitReport()

        #expect(audit.records.count == 3)
        #expect(!String(reflecting: audit.records).contains("canary"))
    }
}
