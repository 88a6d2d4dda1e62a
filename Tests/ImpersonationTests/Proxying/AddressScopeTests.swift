import Impersonation
import Testing

@Suite("An address scope")
struct AddressScopeTests {
    private static func networks(_ texts: String...) throws -> AddressScope {
        .networks(try texts.map { try #require(NetworkPrefix($0)) })
    }

    @Test("that holds anywhere allows every request", arguments: ["10.0.0.1", "::1", "", "no address", nil])
    func anywhere(address: String?) {
        #expect(AddressScope.anywhere.allows(address))
    }

    @Test("without networks allows no request", arguments: ["10.0.0.1", "::1", "", nil])
    func nowhere(address: String?) {
        #expect(!AddressScope.networks([]).allows(address))
    }

    @Test(
        "with networks allows the addresses of each of them, and no request without an address",
        arguments: [
            ("10.0.0.7", true), ("2001:db8::1", true), ("::ffff:10.0.0.7", true), ("10.0.1.7", false),
            ("10.0.0.7\0", false), ("", false), (nil, false),
        ] as [(String?, Bool)]
    )
    func networks(address: String?, allowed: Bool) throws {
        let scope = try Self.networks("10.0.0.0/24", "2001:db8::/32")
        #expect(scope.allows(address) == allowed)
    }

    @Test("says for a person what it allows")
    func description() throws {
        #expect(AddressScope.anywhere.description == "anywhere")
        #expect(AddressScope.networks([]).description == "nowhere")
        #expect(try Self.networks("10.0.0.0/24", "::1").description == "10.0.0.0/24, ::1/128")
    }
}
