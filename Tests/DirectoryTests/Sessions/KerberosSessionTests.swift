import Foundation
import Impersonation
import SystemPackage
import Testing

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

    @Test("leave each other their tickets: the end of one takes none from another one that runs")
    func tickets() async throws {
        let pair = try await TicketPair(of: "onlymycorp", by: "pam_krb5.so")
        #expect(pair.lasting.status == .exited(0))
        #expect(!pair.caches.lasting.isEmpty)
        #expect(pair.caches.lasting != pair.caches.passing)
    }

    @Test(
        "are refused with PAM's own answer, and what it means",
        arguments: [
            Answer("onlymycorp", with: "wrong", .authenticate, 7, .wrongPassword),
            // Of an account that is disabled the module says what it says of a wrong password.
            Answer("disabled", .authenticate, 7, .wrongPassword),
            Answer("acctexp", .authenticate, 13, .accountExpired),
            // The realm has no such account, though the name service knows it in the other domain.
            Answer("onlyother", .authenticate, 10, .unknownAccount),
        ]
    )
    func refusals(_ answer: Answer) async throws {
        try await SessionHelper().expectRefusal(answer, "krb5")
    }

    @Test("are refused as with a wrong password while they are locked, and the right one is given up")
    func locked() async throws {
        try await Lock.realm.expectRefusal(
            Answer("lockme", .authenticate, 7, .wrongPassword),
            "krb5",
            givesUp: true,
            seenUnproven: true
        )
    }

    @Test(
        "are refused where the password has to be changed, and the old one is not set again as the new one",
        arguments: ["pwold", "mustchange"]
    )
    func oldPassword(account: String) async throws {
        let before = try await Self.password(of: account)
        try await SessionHelper()
            .expectRefusal(Answer(account, .authenticate, 9, .questionUnanswered), "krb5")
        #expect(try await Self.password(of: account) == before)
    }

    // The module has nothing to say of whom it has not authenticated, and where nobody says anything PAM says no.
    @Test(
        "are opened for nobody where nobody proves anything, whatever the state of the account",
        arguments: ["onlymycorp", "disabled", "shexp"]
    )
    func unproven(account: String) async throws {
        try await SessionHelper()
            .expectRefusal(Answer(account, with: nil, .checkAccount, 6, .accessDenied), "krb5")
    }

    /// What the realm knows of the password of an account: when it was set, until when it holds, and its key.
    private static func password(of account: String) async throws -> [Substring] {
        let known = try await Control.onDirectory("kadmin.local", "getprinc", account).split(separator: "\n")
            .filter { line in
                ["Last password change:", "Password expiration date:", "Attributes:", "Key:"]
                    .contains { line.hasPrefix($0) }
            }
        try #require(known.count >= 4, "\(known)")
        return known
    }
}
