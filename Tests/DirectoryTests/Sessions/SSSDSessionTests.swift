import Foundation
import Impersonation
import SystemPackage
import Testing

@Suite("Sessions of accounts of Active Directory by SSSD", .on(.sssd), .serialized, .timeLimit(.minutes(10)))
struct SSSDSessionTests {
    private static func answer(
        _ account: String,
        with password: String? = rightPassword,
        _ step: LaunchStep,
        _ code: Int32,
        _ reason: SessionRefusal.Reason
    ) -> Answer {
        Answer(account: "\(account)@mycorp.test", password: password, step: step, code: code, reason: reason)
    }

    @Test("have a ticket of their own, which belongs to the account and which the job can use")
    func ticket() async throws {
        let helper = try await SessionHelper()
        let script = #"id -u; echo "$KRB5CCNAME"; stat -c '%u %a' "${KRB5CCNAME#FILE:}"; klist"#
        let (text, _) = try await helper.run(script, as: "someuser@mycorp.test", "sss", rightPassword)
        let lines = text.split(separator: "\n").map(String.init)
        let userID = try #require(lines.first)
        #expect(userID == "1940601103")
        #expect(lines.dropFirst().first?.hasPrefix("FILE:/tmp/krb5cc_\(userID)_") == true)
        #expect(lines.dropFirst(2).first == "\(userID) 600")
        #expect(text.contains("krbtgt/MYCORP.TEST@MYCORP.TEST"))
    }

    @Test(
        "are refused with PAM's own answer, and what it means",
        arguments: [
            answer("okuser", with: "wrong", .authenticate, 7, .wrongPassword),
            answer("disabled", .authenticate, 6, .accessDenied),
            answer("acctexp", .authenticate, 6, .accessDenied),
            answer("mustchange", .checkAccount, 12, .passwordExpired),
            answer("disabled", with: nil, .checkAccount, 6, .accessDenied),
            answer("acctexp", with: nil, .checkAccount, 13, .accountExpired),
        ]
    )
    func refusals(_ answer: Answer) async throws {
        let helper = try await SessionHelper()
        let error = try await helper.refusal(answer.account, "sss", answer.password)
        #expect(error.step == answer.step)
        #expect(error.session?.code == answer.code)
        #expect(error.session?.reason == answer.reason)
    }

    @Test("are opened for accounts whose password has to be changed, where nobody proves one")
    func unproven() async throws {
        let helper = try await SessionHelper()
        #expect(try await helper.run("id -un", as: "mustchange@mycorp.test", "sss").text == "mustchange@mycorp.test\n")
    }
}

@Suite("Sessions of accounts of LDAP with Kerberos", .on(.ldapShort), .serialized, .timeLimit(.minutes(10)))
struct KerberosSessionTests {
    @Test("have a ticket of their own, which goes with the session")
    func ticket() async throws {
        let helper = try await SessionHelper()
        let script = #"echo "$KRB5CCNAME"; stat -c '%u %a' "${KRB5CCNAME#FILE:}"; id -u; klist"#
        let (text, _) = try await helper.run(script, as: "onlymycorp", "krb5", rightPassword)
        let lines = text.split(separator: "\n").map(String.init)
        let cache = try #require(lines.first)
        #expect(cache.hasPrefix("FILE:/tmp/krb5cc_"))
        #expect(lines[1] == "\(lines[2]) 600")
        #expect(text.contains("krbtgt/MYCORP.TEST@MYCORP.TEST"))
        #expect(!FileManager.default.fileExists(atPath: String(cache.dropFirst(5))))
    }

    @Test("are refused with a wrong password")
    func wrong() async throws {
        let helper = try await SessionHelper()
        let error = try await helper.refusal("onlymycorp", "krb5", "wrong")
        #expect(error.session?.reason == .wrongPassword)
    }
}
