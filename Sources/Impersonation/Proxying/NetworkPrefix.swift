import Glibc

/// A network by its address and the length of its prefix: `10.222.0.0/16`, `2001:db8::/32`, or one address.
public struct NetworkPrefix: Sendable, Hashable {
    /// The bytes of the network's address, four or sixteen, zero behind the prefix.
    let bytes: [UInt8]

    /// The length of the prefix in bits.
    public let length: Int

    /// Reads a network.
    ///
    /// - Parameter text: An address, or an address, a slash and the length of the prefix. Host names are not accepted:
    ///   who controls the name service would control the right.
    /// - Returns: `nil` when the text is neither.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = Self.addressBytes(String(parts[0])) else { return nil }
        var length = address.count * 8
        if parts.count == 2 {
            let digits = parts[1]
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits),
                number <= length
            else { return nil }
            length = number
        }
        self.bytes = Self.masked(address, length: length)
        self.length = length
    }

    /// Returns whether an address belongs to the network.
    ///
    /// - Parameter address: An address in numbers, without a port. An IPv4 address written inside IPv6
    ///   (`::ffff:10.0.0.1`) is taken as IPv4.
    /// - Returns: Whether it belongs to the network; `false` for what is no address.
    public func contains(_ address: String) -> Bool {
        guard let other = Self.addressBytes(address), other.count == bytes.count else { return false }
        return Self.masked(other, length: length) == bytes
    }

    private static func masked(_ address: [UInt8], length: Int) -> [UInt8] {
        address.enumerated().map { index, byte in
            let bits = min(max(length - index * 8, 0), 8)
            return byte & UInt8(truncatingIfNeeded: 0xFF00 >> bits)
        }
    }

    private static let mappedIPv4Prefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

    private static func addressBytes(_ text: String) -> [UInt8]? {
        var storage: (UInt64, UInt64) = (0, 0)
        return unsafe withUnsafeMutableBytes(of: &storage) { buffer -> [UInt8]? in
            if unsafe inet_pton(AF_INET, text, buffer.baseAddress) == 1 {
                return unsafe Array(buffer.prefix(4))
            }
            guard unsafe inet_pton(AF_INET6, text, buffer.baseAddress) == 1 else { return nil }
            let bytes = unsafe Array(buffer)
            return bytes.starts(with: mappedIPv4Prefix) ? Array(bytes.suffix(4)) : bytes
        }
    }
}
