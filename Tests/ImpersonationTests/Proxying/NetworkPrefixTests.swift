import Impersonation
import Testing

@Suite("A network prefix")
struct NetworkPrefixTests {
    @Test(
        "contains the addresses of its network and no others",
        arguments: [
            ("10.222.0.0/16", "10.222.9.1", true),
            ("10.222.0.0/16", "10.222.0.0", true),
            ("10.222.0.0/16", "10.222.255.255", true),
            ("10.222.0.0/16", "10.223.0.1", false),
            ("10.222.0.0/16", "10.221.255.255", false),
            ("10.0.0.11", "10.0.0.1", false),
            ("10.0.0.1", "10.0.0.11", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1/32", "10.0.0.1", true),
            ("10.0.0.1/32", "10.0.0.2", false),
            ("10.0.0.0/31", "10.0.0.1", true),
            ("10.0.0.0/31", "10.0.0.2", false),
            ("192.168.0.0/17", "192.168.127.255", true),
            ("192.168.0.0/17", "192.168.128.0", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:DB8:0:0::/33", "2001:0db8:7fff::", true),
            ("2001:db8::/33", "2001:db8:8000::", false),
            ("::1", "::1", true),
            ("::1", "::2", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "10.0.0.1", false),
            ("::/0", "::ffff:10.0.0.1", false),
            ("10.222.0.0/16", "::ffff:10.222.9.1", true),
            ("10.222.0.0/16", "::ffff:0ade:0901", true),
            ("::ffff:10.222.0.0/112", "10.222.9.1", true),
            ("::ffff:10.222.0.0/112", "10.223.0.1", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("::ffff:10.0.0.1", "10.0.0.2", false),
        ]
    )
    func membership(network: String, address: String, belongs: Bool) throws {
        let prefix = try #require(NetworkPrefix(network))
        #expect(prefix.contains(address) == belongs)
    }

    @Test(
        "is not made from what is no network",
        arguments: [
            "", "/", "/16", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/ 8",
            "10.0.0.0/8/8", "10.0.0.0/99999999999999999999", "10.0.0.0/٨", "10.0.0", "10.0.0.256", "10.0.0.01",
            "0x0a.0.0.1", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1:80", "[::1]", "::1/129", "fe80::1%lo", "2001:db8:::1",
            "localhost", "worker.example", "*", "10.0.0.*", "10.0.0.1\0", "10.0.0.1\0.example", "::1\0/128",
            "::ffff:10.0.0.0/16", "::ffff:10.0.0.0/95", "::ffff:10.0.0.0/129",
        ]
    )
    func refused(text: String) {
        #expect(NetworkPrefix(text) == nil)
    }

    @Test(
        "contains nothing that is no address",
        arguments: [
            "", "localhost", "10.0.0.1/32", "10.0.0.1\0", "10.0.0.1 ", "10.0.0.1:22", "10.1", "1", "%", "::1%lo",
        ]
    )
    func noAddress(text: String) throws {
        let everything = try #require(NetworkPrefix("0.0.0.0/0"))
        let everythingInIPv6 = try #require(NetworkPrefix("::/0"))
        #expect(!everything.contains(text))
        #expect(!everythingInIPv6.contains(text))
    }

    @Test(
        "is written with its bits behind the prefix cleared, and read back as the same network",
        arguments: [
            ("10.222.3.4/16", "10.222.0.0/16"),
            ("10.0.0.1", "10.0.0.1/32"),
            ("255.255.255.255/0", "0.0.0.0/0"),
            ("2001:DB8:0:0:0:0:0:1/64", "2001:db8::/64"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.7/104", "10.0.0.0/8"),
        ]
    )
    func roundTrip(text: String, written: String) throws {
        let prefix = try #require(NetworkPrefix(text))
        #expect(prefix.description == written)
        #expect(NetworkPrefix(written) == prefix)
    }
}
