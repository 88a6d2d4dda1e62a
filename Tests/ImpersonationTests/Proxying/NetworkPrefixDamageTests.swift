import Damage
import Testing

@testable import Impersonation

@Suite("A damaged network prefix")
struct NetworkPrefixDamageTests {
    @Test(
        "is a network that holds its own address, or none",
        arguments: ["10.222.0.0/16", "192.0.2.7", "2001:db8::/32", "::ffff:10.0.0.0/104", "fe80::1/128"]
    )
    func damaged(original: String) throws {
        var generator = ByteDamage(seed: UInt64(original.utf8.count))
        var read = 0
        for _ in 0..<10_000 {
            let bytes = generator.damage(
                Array(original.utf8),
                with: Array("0123456789abcdef:./%x -+".utf8) + [0x00, 0xCC, 0x81]
            )
            guard let network = NetworkPrefix(String(decoding: bytes, as: UTF8.self)) else { continue }
            read += 1
            let text = network.description
            try #require(NetworkPrefix(text) == network, "\(bytes)")
            try #require((0...network.bytes.count * 8).contains(network.length), "\(bytes)")
            try #require(network.contains(String(text.prefix { $0 != "/" })), "\(bytes)")
            try #require(bytes.allSatisfy { $0.isPartOfAddress }, "\(bytes)")
        }
        #expect(read > 100)
        #expect(read < 9_900)
    }
}

extension UInt8 {
    fileprivate var isPartOfAddress: Bool { "0123456789abcdefABCDEF:./".utf8.contains(self) }
}
