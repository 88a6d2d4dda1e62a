import Impersonation
import SystemPackage
import Testing

@Suite("A site where winbind separates domain and user by a plus sign", .on(.winbindPlus), .timeLimit(.minutes(5)))
struct SeparatorTests {
    private let syntax = AccountNameSyntax(separator: "+")

    @Test(
        "has one account under every spelling of the site",
        arguments: ["MYCORP+someuser", "mycorp+SomeUser", "someuser@mycorp.test", "someuser@MYCORP"]
    )
    func everySpelling(name: String) async throws {
        let account = try #require(try await account(name, syntax: syntax))
        #expect(account.name.spelling == "MYCORP+someuser")
        #expect(account.name.domain == "MYCORP")
        #expect(account.userID.rawValue == 11_103)
        #expect(account.groupNumbers == [10_513, 11_103, 11_115, 11_116])
    }

    @Test("puts bare names into the host domain with its separator")
    func hostDomain() async throws {
        let identity = try await Site(hostDomain: "MYCORP", syntax: syntax).resolve("someuser").identity
        #expect(identity?.account.name.spelling == "MYCORP+someuser")
    }

    @Test("refuses groups of the domain (H5)")
    func groups() async throws {
        #expect(try await Site(syntax: syntax).resolve("MYCORP+engineers").denial?.reason == .groupAccount)
    }

    @Test("has no account with a backslash, and refuses its own answers where the separator is not set")
    func otherSyntax() async throws {
        #expect(try await account(#"MYCORP\someuser"#) == nil)
        let error = try await failure(asking: "someuser@mycorp.test")
        #expect(error.code == .inconsistentAnswer)
        #expect(error.message.contains("MYCORP+someuser"), "\(error.message)")
    }
}
