import Foundation
import Impersonation
import SystemPackage
import Testing

@Suite("Sessions of accounts of Active Directory by SSSD", .on(.sssd), .serialized, .timeLimit(.minutes(10)))
struct SSSDSessionTests {
    private static let spelling = "*@mycorp.test"

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
        #expect(text.contains("Default principal: someuser@MYCORP.TEST"))
    }

    @Test("leave each other their tickets: the end of one takes none from another one that runs")
    func tickets() async throws {
        let account = "someuser@mycorp.test"
        let pair = try await TicketPair(of: account, by: "pam_sss.so") { helper, service in
            let refused = try await helper.refusal(account, service, "wrong")
            #expect(refused.sessionRefusal?.reason == .wrongPassword)
        }
        #expect(pair.lasting.status == .exited(0))
        // Both have the same cache, which neither of them takes along.
        #expect(pair.caches.lasting == pair.caches.passing)
        let cache = pair.caches.passing.dropFirst("FILE:".count).dropLast()
        #expect(FileManager.default.fileExists(atPath: String(cache)))
    }

    @Test(
        "are refused with PAM's own answer, and what it means",
        arguments: [
            Answer("okuser", with: "wrong", .authenticate, 7, .wrongPassword),
            Answer("disabled", .authenticate, 6, .accessDenied),
            Answer("acctexp", .authenticate, 6, .accessDenied),
            Answer("mustchange", .checkAccount, 12, .passwordExpired),
            Answer("pwold", .checkAccount, 12, .passwordExpired),
            Answer("hours", .authenticate, 6, .accessDenied),
            Answer("disabled", with: nil, .checkAccount, 6, .accessDenied),
            Answer("acctexp", with: nil, .checkAccount, 13, .accountExpired),
        ]
    )
    func refusals(_ answer: Answer) async throws {
        try await SessionHelper().expectRefusal(answer.spelled(Self.spelling), "sss")
    }

    @Test("are refused while they are locked, and let in again with the same password when they are not")
    func locked() async throws {
        try await Lock.activeDirectory.expectRefusal(
            Answer("lockme", .authenticate, 6, .accessDenied).spelled(Self.spelling),
            "sss"
        )
    }

    // No account of the domain gets this answer: the name service has to know it first. A local one does, which is called as
    // one of the domain is here.
    @Test(
        "are not those of the machine: the password of the one in the domain does not open its local namesake",
        arguments: [
            Answer("okuser", .authenticate, 10, .unknownAccount),
            Answer("okuser", with: nil, .checkAccount, 10, .unknownAccount),
        ]
    )
    func localNamesake(_ answer: Answer) async throws {
        try await SessionHelper().expectRefusal(answer, "sss")
    }

    @Test("are opened for accounts whose password has to be changed, where nobody proves one")
    func unproven() async throws {
        let helper = try await SessionHelper()
        #expect(try await helper.run("id -un", as: "mustchange@mycorp.test", "sss").text == "mustchange@mycorp.test\n")
    }

    @Test("are opened under a name that a module spells otherwise, and SSSD leaves it so")
    func otherSpelling() async throws {
        let service = try Self.service(naming: "someuser@MYCORP")
        let helper = try await SessionHelper(service)
        let (text, _) = try await helper.run("id -un", as: "someuser@mycorp.test", service.suffix, rightPassword)
        #expect(text == "someuser@mycorp.test\n")
        #expect(service.names(in: "after") == ["someuser@MYCORP"])
    }

    @Test("are refused under the name of another one, whose password is right")
    func otherAccount() async throws {
        let service = try Self.service(naming: "okuser@mycorp.test")
        let error = try await SessionHelper(service).refusal("someuser@mycorp.test", service.suffix, rightPassword)
        Answer("", .checkAccount, 6, .accessDenied).expect(error)
        #expect(
            error.message.contains(#"a module has made "okuser@mycorp.test" of "someuser@mycorp.test""#),
            "\(error)"
        )
        #expect(service.names(in: "after") == ["okuser@mycorp.test"])
    }

    private static func service(naming name: String) throws -> OwnService {
        try OwnService(
            "auth required \(OwnService.module) [auth:user=\(name)]",
            "auth required pam_sss.so",
            "auth required \(OwnService.module) [auth:record=HERE/after]",
            "account required pam_sss.so",
            "session required pam_sss.so"
        )
    }
}
