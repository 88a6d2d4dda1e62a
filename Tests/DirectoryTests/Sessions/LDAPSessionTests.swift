import Impersonation
import SystemPackage
import Testing

/// In `MYCORP` Kerberos proves passwords, in `OTHER` LDAP itself does.
@Suite("Sessions of accounts of two LDAP domains by SSSD", .on(.ldap), .serialized, .timeLimit(.minutes(10)))
struct LDAPSessionTests {
    @Test(
        "are opened with the right password, as the account with all of its groups",
        arguments: [
            ("someuser@MYCORP", "20001", ["20500", "20501"]), ("someuser@OTHER", "30001", ["30500", "30501"]),
        ]
    )
    func right(name: String, userID: String, groups: [String]) async throws {
        let (text, _) = try await SessionHelper().run("id -u; id -G; id -un", as: name, "sss", rightPassword)
        let lines = text.split(separator: "\n").map(String.init)
        try #require(lines.count == 3)
        #expect(lines[0] == userID)
        #expect(lines[1].split(separator: " ").map(String.init).sorted() == groups)
        #expect(lines[2] == name)
    }

    @Test(
        "are refused with PAM's own answer, and what it means",
        arguments: [
            Answer("okuser@MYCORP", with: "wrong", .authenticate, 7, .wrongPassword),
            Answer("shexp@MYCORP", .checkAccount, 13, .accountExpired),
            Answer("shexp@MYCORP", with: nil, .checkAccount, 13, .accountExpired),
            Answer("pwold@MYCORP", .checkAccount, 12, .passwordExpired),
            Answer("mustchange@MYCORP", .checkAccount, 12, .passwordExpired),
            Answer("acctexp@MYCORP", .authenticate, 13, .accountExpired),
            Answer("disabled@MYCORP", .authenticate, 6, .accessDenied),
            Answer("okuser@OTHER", with: "wrong", .authenticate, 7, .wrongPassword),
            Answer("shexp@OTHER", .checkAccount, 13, .accountExpired),
            Answer("shexp@OTHER", with: nil, .checkAccount, 13, .accountExpired),
            Answer("pwold@OTHER", .checkAccount, 12, .passwordExpired),
            Answer("mustchange@OTHER", .checkAccount, 12, .passwordExpired),
        ]
    )
    func refusals(_ answer: Answer) async throws {
        try await SessionHelper().expectRefusal(answer, "sss")
    }

    @Test(
        "are opened where nobody proves anything: the account check knows of no password and of nothing in Kerberos",
        arguments: [
            "pwold@MYCORP", "mustchange@MYCORP", "acctexp@MYCORP", "disabled@MYCORP", "pwold@OTHER", "mustchange@OTHER",
        ]
    )
    func unproven(name: String) async throws {
        #expect(try await SessionHelper().run("id -un", as: name, "sss").text == "\(name)\n")
    }

    @Test("are refused while Kerberos has them locked, and let in again with the same password when it has not")
    func lockedByKerberos() async throws {
        try await Lock.realm.expectRefusal(Answer("lockme@MYCORP", .authenticate, 6, .accessDenied), "sss")
    }

    // The server says of a locked account what it says of a wrong password, so that nobody can learn that it is locked.
    @Test("are refused as with a wrong password while LDAP has them locked, and the right one is given up")
    func lockedByLDAP() async throws {
        try await Lock.ldap.expectRefusal(
            Answer("lockme@OTHER", .authenticate, 7, .wrongPassword),
            "sss",
            givesUp: true
        )
    }
}
