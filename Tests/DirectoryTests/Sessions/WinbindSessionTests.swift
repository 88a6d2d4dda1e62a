import Foundation
import Impersonation
import SystemPackage
import Testing

@Suite("Sessions of accounts of Active Directory by winbind", .on(.winbind), .serialized, .timeLimit(.minutes(10)))
struct WinbindSessionTests {
    private static func answer(
        _ account: String,
        with password: String? = rightPassword,
        _ step: LaunchStep,
        _ code: Int32,
        _ reason: SessionRefusal.Reason
    ) -> Answer {
        Answer(account: "MYCORP\\\(account)", password: password, step: step, code: code, reason: reason)
    }

    @Test(
        "are opened with the right password, as the account with all of its groups",
        arguments: ["winbind", "winbind-krb5"]
    )
    func right(service: String) async throws {
        let helper = try await SessionHelper()
        let (text, process) = try await helper.run(
            "id -u; id -G; id -un",
            as: #"MYCORP\someuser"#,
            service,
            rightPassword
        )
        let lines = text.split(separator: "\n")
        #expect(lines.first == "11103")
        #expect(Set(lines[1].split(separator: " ")) == ["10513", "11103", "11115", "11116"])
        #expect(lines.last == #"MYCORP\someuser"#)
        #expect(process.report.session?.addedGroups == [])
    }

    @Test(
        "are refused with PAM's own answer, and what it means",
        arguments: [
            answer("okuser", with: "wrong", .authenticate, 7, .wrongPassword),
            answer("disabled", .authenticate, 13, .accountExpired),
            answer("acctexp", .authenticate, 13, .accountExpired),
            answer("mustchange", .checkAccount, 12, .passwordExpired),
            answer("pwold", .checkAccount, 12, .passwordExpired),
            answer("hours", .authenticate, 4, .sessionFailed),
            answer("wks", .authenticate, 6, .accessDenied),
        ]
    )
    func refusals(_ answer: Answer) async throws {
        let helper = try await SessionHelper()
        let error = try await helper.refusal(answer.account, "winbind", answer.password)
        #expect(error.step == answer.step)
        #expect(error.session?.code == answer.code)
        #expect(error.session?.reason == answer.reason)
    }

    @Test("are refused for one reason by Kerberos, whichever it is", arguments: ["disabled", "acctexp", "hours"])
    func kerberosRefusals(account: String) async throws {
        let helper = try await SessionHelper()
        let error = try await helper.refusal("MYCORP\\\(account)", "winbind-krb5", rightPassword)
        #expect(error.session?.code == 11)
        #expect(error.session?.reason == .locked)
    }

    @Test(
        "are opened for everybody where nobody proves anything: winbind's account check says nothing",
        arguments: [
            "someuser", "disabled", "acctexp", "mustchange",
        ]
    )
    func unproven(account: String) async throws {
        let helper = try await SessionHelper()
        let (text, _) = try await helper.run("id -un", as: "MYCORP\\\(account)", "winbind")
        #expect(text == "MYCORP\\\(account)\n")
    }

    @Test("have a ticket that belongs to the account, that the job can use, and that goes with the session")
    func ticket() async throws {
        let helper = try await SessionHelper()
        let script = #"echo "$KRB5CCNAME"; stat -c '%u %a' "${KRB5CCNAME#FILE:}"; klist"#
        let (text, _) = try await helper.run(script, as: #"MYCORP\someuser"#, "winbind-krb5", rightPassword)
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.first == "FILE:/tmp/krb5cc_11103")
        #expect(lines.dropFirst().first == "11103 600")
        #expect(text.contains("krbtgt/MYCORP.TEST@MYCORP.TEST"))
        #expect(!FileManager.default.fileExists(atPath: "/tmp/krb5cc_11103"))
    }

    @Test("lock no account by a password that has changed: one try, however many jobs there are")
    func oneTry() async throws {
        let helper = try await SessionHelper()
        let identity = try #require(try await Site().resolve(#"MYCORP\lockme"#).identity)
        let launcher = try await helper.launcher("winbind", "an old password", for: identity.account.name)
        let codes = await withTaskGroup(of: LaunchError.Code?.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    do throws(LaunchError) {
                        _ = try await launcher.launch(Command(.path("/bin/true")), as: identity)
                        return nil
                    } catch {
                        return error.code
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes.filter { $0 == .accountRefused }.count == 1)
        // Three wrong ones would have locked it.
        let (text, _) = try await helper.run("id -u", as: #"MYCORP\lockme"#, "winbind", rightPassword)
        #expect(text.hasPrefix("1"))
    }

    @Test(
        "are refused in time while winbind stands still or is gone, and opened again when it is back",
        arguments: [true, false]
    )
    func outage(isFrozen: Bool) async throws {
        let helper = try await SessionHelper()
        let identity = try #require(try await Site().resolve(#"MYCORP\someuser"#).identity)
        let launcher = try await helper.launcher("winbind", rightPassword, for: identity.account.name)
        var command = Command(.path("/bin/true"))
        command.workingDirectory = .path("/")
        command.startDeadline = impatience
        try await Control.without("winbind", isFrozen: isFrozen) {
            let begin = ContinuousClock.now
            let error = await #expect(throws: LaunchError.self) { try await launcher.launch(command, as: identity) }
            #expect([.deadlineExceeded, .directoryUnavailable].contains(error?.code))
            #expect(ContinuousClock.now - begin < .seconds(20))
        }
        command.startDeadline = patience
        #expect(try await launcher.launch(command, as: identity).exitReport().status == .exited(0))
    }
}
