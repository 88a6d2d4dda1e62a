import Glibc

/// A network by its address and the length of its prefix: `10.222.0.0/16`, `2001:db8::/32`, or one address.
///
/// Networks are compared by their bits, never by their text: `10.0.0.1` is not part of `10.0.0.11`. Addresses are read
/// by `inet_pton(3)`, which takes numbers only: no host names, no octal or hexadecimal octets, no scope (`%eth0`).
public struct NetworkPrefix: Sendable, Hashable {
    /// The bytes of the network's address, four or sixteen, zero behind the prefix.
    let bytes: [UInt8]

    /// The length of the prefix in bits: up to 32 for IPv4, up to 128 for IPv6.
    public let length: Int

    /// Reads a network, or makes `nil` of a text that is none.
    ///
    /// - Parameter text: An address, or an address, a slash and the length of the prefix. Bits behind the prefix are
    ///   cleared. Host names are not accepted: who controls the name service would control the right. A network of
    ///   IPv4 addresses written inside IPv6 (`::ffff:10.0.0.0/104`) is taken as IPv4 (`10.0.0.0/8`); with a prefix
    ///   shorter than the 96 bits that say so, it is refused.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = Self.address(String(parts[0])) else { return nil }
        var length = address.bytes.count * 8
        if parts.count == 2 {
            let writtenBits = address.isMapped ? 128 : length
            guard let number = Self.decimal(parts[1]), number <= writtenBits, number >= writtenBits - length else {
                return nil
            }
            length = number - (writtenBits - length)
        }
        self.bytes = Self.masked(address.bytes, length: length)
        self.length = length
    }

    /// Returns whether an address belongs to the network.
    ///
    /// - Parameter address: An address in numbers, without a port. An IPv4 address written inside IPv6
    ///   (`::ffff:10.0.0.1`, as a socket for both families reports it) is taken as IPv4; an IPv4 address belongs to no
    ///   IPv6 network, not even to `::/0`.
    /// - Returns: Whether it belongs to the network; `false` for what is no address.
    public func contains(_ address: String) -> Bool {
        guard let other = Self.address(address), other.bytes.count == bytes.count else { return false }
        return Self.masked(other.bytes, length: length) == bytes
    }

    /// Clears every bit behind a prefix.
    private static func masked(_ address: [UInt8], length: Int) -> [UInt8] {
        address.enumerated()
            .map { index, byte in
                let bits = min(max(length - index * 8, 0), 8)
                return byte & UInt8(truncatingIfNeeded: 0xFF00 >> bits)
            }
    }

    /// Reads a length: decimal digits without a sign or leading zeros.
    private static func decimal(_ digits: Substring) -> Int? {
        let isDecimal = digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard isDecimal, digits == "0" || digits.first != "0" else { return nil }
        return Int(digits)
    }

    private static let mappedIPv4Prefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

    /// Reads an address and says whether it was an IPv4 address written inside IPv6.
    private static func address(_ text: String) -> (bytes: [UInt8], isMapped: Bool)? {
        // inet_pton stops at a NUL, so "10.0.0.1\0anything" would pass for 10.0.0.1.
        guard !text.utf8.contains(0) else { return nil }
        var storage: (UInt64, UInt64) = (0, 0)
        return unsafe withUnsafeMutableBytes(of: &storage) { buffer -> (bytes: [UInt8], isMapped: Bool)? in
            if unsafe inet_pton(AF_INET, text, buffer.baseAddress) == 1 {
                return unsafe (Array(buffer.prefix(4)), false)
            }
            guard unsafe inet_pton(AF_INET6, text, buffer.baseAddress) == 1 else { return nil }
            let bytes = unsafe Array(buffer)
            return bytes.starts(with: mappedIPv4Prefix) ? (Array(bytes.suffix(4)), true) : (bytes, false)
        }
    }
}

extension NetworkPrefix: LosslessStringConvertible {
    /// The address and the length of the prefix, `10.222.0.0/16`, as `inet_ntop(3)` writes it.
    public var description: String {
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        let text = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            let written = unsafe inet_ntop(family, bytes, buffer.baseAddress, socklen_t(buffer.count))
            return unsafe written.map { unsafe String(cString: $0) } ?? ""
        }
        return "\(text)/\(length)"
    }
}
