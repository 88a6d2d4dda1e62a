@testable import Impersonation

/// What holds for `/proc/self/uid_map` and `gid_map`, whatever is in them: programs ask the name service as somebody whom the user
/// namespace has.
enum IdentifierMapOracle {
    /// The two files, parted by the byte 0x1D.
    static let samples: [[UInt8]] = [
        "         0          0 4294967295\n\u{1D}         0     100000      65536\n",
        "         0     100000       1000\n     65523       65523          1\n\u{1D}4294960001 0 1\n65523 1 1\n",
        "1 0 18446744073709551615\n\u{1D}1 0 4294967295\r\n",
    ]
    .map { Array($0.utf8) }

    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        let cut = text.utf8.firstIndex(of: 0x1D) ?? text.utf8.endIndex
        let users = String(Substring(text.utf8[..<cut]))
        let groups = String(Substring(text.utf8[cut...].dropFirst()))
        let number = LookupAccount.choice(users: users, groups: groups)
        let expected =
            [4_294_960_001, 65_523].first { has($0, Array(users.utf8)) && has($0, Array(groups.utf8)) } ?? 65_534
        return number == expected ? nil : "is \(number), and \(expected) is meant"
    }

    /// Read another way: in numbers that hold every sum.
    private static func has(_ id: UInt64, _ bytes: [UInt8]) -> Bool {
        var words: [[UInt8]] = []
        var isInWord = false
        for byte in bytes + [0x0A] {
            switch byte {
            case 0x0A:
                let numbers = words.compactMap { UInt32(String(decoding: $0, as: UTF8.self)) }.map { UInt64($0) }
                if words.count == 3, numbers.count == 3, (numbers[0]..<numbers[0] + numbers[2]).contains(id) {
                    return true
                }
                words = []
                isInWord = false
            case 0x20: isInWord = false
            default:
                if !isInWord { words.append([]) }
                isInWord = true
                words[words.count - 1].append(byte)
            }
        }
        return false
    }
}
