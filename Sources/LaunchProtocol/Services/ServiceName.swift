/// The rule for names of PAM services.
///
/// libpam makes a path of the name, in lower case and without a look at slashes.
package enum ServiceName {
    package static let lengths = 1...ProtocolLimits.codeLength

    /// Whether bytes are the name of a file in `/etc/pam.d`, and of nothing else.
    package static func isValid(_ name: some Collection<UInt8>) -> Bool {
        guard lengths.contains(name.count), let first = name.first, isAlphanumeric(first) else { return false }
        return name.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}
