import Foundation
import Impersonation
import SystemPackage
import Testing

@Suite("Sessions of accounts of Active Directory by winbind", .on(.winbind), .serialized, .timeLimit(.minutes(10)))
struct WinbindSessionTests {
    private static let spelling = #"MYCORP\*"#

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
            Answer("okuser", with: "wrong", .authenticate, 7, .wrongPassword),
            Answer("disabled", .authenticate, 13, .accountExpired),
            Answer("acctexp", .authenticate, 13, .accountExpired),
            Answer("mustchange", .checkAccount, 12, .passwordExpired),
            Answer("pwold", .checkAccount, 12, .passwordExpired),
            Answer("hours", .authenticate, 4, .sessionFailed, as: .sessionFailed),
            Answer("wks", .authenticate, 6, .accessDenied),
        ]
    )
    func refusals(_ answer: Answer) async throws {
        try await SessionHelper().expectRefusal(answer.spelled(Self.spelling), "winbind")
    }

    @Test(
        "are refused while they are locked, and let in again with the same password when they are not",
        arguments: ["winbind", "winbind-krb5"]
    )
    func locked(service: String) async throws {
        try await Lock.activeDirectory.expectRefusal(
            Answer("lockme", .authenticate, 11, .locked).spelled(Self.spelling),
            service
        )
    }

    // No account of the domain gets this answer: the name service has to know it first. A local one does, which is called as
    // one of the domain is here.
    @Test(
        "are not known for accounts of the machine: a local one is not let in by the account of the domain of its name"
    )
    func localNamesake() async throws {
        let helper = try await SessionHelper()
        for password in [rightPassword, nil] {
            try await helper.expectRefusal(
                Answer("okuser", with: password, password == nil ? .checkAccount : .authenticate, 10, .unknownAccount),
                "winbind"
            )
        }
    }

    // With Kerberos the module takes the password of the domain's account for the local one's, and says whom it means.
    @Test("are not those of the machine: the password of the one in the domain does not open its local namesake")
    func localNamesakeInKerberos() async throws {
        let error = try await SessionHelper().refusal("okuser", "winbind-krb5", rightPassword)
        Answer("okuser", .checkAccount, 6, .accessDenied).expect(error)
        #expect(error.message.contains(#"a module has made "MYCORP\okuser" of "okuser""#), "\(error)")
    }

    @Test("are opened under a name that a module spells otherwise, which winbind spells in its own way again")
    func otherSpelling() async throws {
        let service = try Self.service(naming: "someuser@mycorp.test")
        let helper = try await SessionHelper(service)
        let (text, _) = try await helper.run("id -un", as: #"MYCORP\someuser"#, service.suffix, rightPassword)
        #expect(text == "MYCORP\\someuser\n")
        #expect(service.names(in: "before") == ["someuser@mycorp.test"])
        #expect(service.names(in: "after") == [#"MYCORP\someuser"#])
        #expect(service.names(in: "account") == ["someuser@mycorp.test"])
    }

    @Test("are refused under the name of another one, whose password is right, and which winbind spells in its own way")
    func otherAccount() async throws {
        let service = try Self.service(naming: "okuser@mycorp.test")
        let error = try await SessionHelper(service).refusal(#"MYCORP\someuser"#, service.suffix, rightPassword)
        Answer("", .checkAccount, 6, .accessDenied).expect(error)
        #expect(error.message.contains(#"a module has made "MYCORP\okuser" of "MYCORP\someuser""#), "\(error)")
        #expect(service.names(in: "after") == [#"MYCORP\okuser"#])
        #expect(service.names(in: "account") == [])
    }

    private static func service(naming name: String) throws -> OwnService {
        try OwnService(
            "auth required \(OwnService.module) [auth:user=\(name)] [auth:record=HERE/before]",
            "auth required pam_winbind.so",
            "auth required \(OwnService.module) [auth:record=HERE/after]",
            "account required pam_winbind.so",
            "account required \(OwnService.module) [account:user=\(name)] [account:record=HERE/account]",
            "session required pam_winbind.so"
        )
    }

    @Test(
        "are refused for one reason by Kerberos, whichever it is, but for passwords",
        arguments: [
            Answer("okuser", with: "wrong", .authenticate, 7, .wrongPassword),
            Answer("disabled", .authenticate, 11, .locked),
            Answer("acctexp", .authenticate, 11, .locked),
            Answer("hours", .authenticate, 11, .locked),
            Answer("wks", .authenticate, 6, .accessDenied),
            Answer("mustchange", .checkAccount, 12, .passwordExpired),
            Answer("pwold", .checkAccount, 12, .passwordExpired),
        ]
    )
    func kerberosRefusals(_ answer: Answer) async throws {
        try await SessionHelper().expectRefusal(answer.spelled(Self.spelling), "winbind-krb5")
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
        #expect(text.contains("Default principal: someuser@MYCORP.TEST"))
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
}
