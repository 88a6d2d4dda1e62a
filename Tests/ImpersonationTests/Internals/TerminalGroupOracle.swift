@testable import Impersonation

/// What holds for the group of terminals, whatever is in `/etc/group`.
enum TerminalGroupOracle {
    static let samples: [[UInt8]] = [
        "root:x:0:\ntty:x:5:\nttyx:x:6:\n", "atty:x:0:\ntty:x:\ntty:x:4294967295:a,b\n",
        "# tty:x:7:\n tty:x:8:\ntty:x:9:\r\n",
        "tty::65535:\ntty:x:5:\n",
    ]
    .map { Array($0.utf8) }

    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        let number = TerminalPlumbing.groupID(inGroupFile: text)
        let expected = expected(Array(text.utf8))
        guard number == expected else {
            return "is \(number.map { "\($0)" } ?? "none"), and \(expected.map { "\($0)" } ?? "none") is meant"
        }
        guard number != .max, number != 65_535 else { return "is a group that means no change" }
        return number == 0 && !text.utf8.contains(UInt8(ascii: "0")) ? "is root's without a 0" : nil
    }

    /// Read another way: each byte is looked at once.
    private static func expected(_ bytes: [UInt8]) -> UInt32? {
        var fields: [[UInt8]] = [[]]
        for byte in bytes + [0x0A] {
            switch byte {
            case 0x0A:
                if fields.count == 4, fields[0] == Array("tty".utf8) {
                    let number = UInt32(String(decoding: fields[2], as: UTF8.self))
                    return number == .max || number == 65_535 ? nil : number
                }
                fields = [[]]
            case 0x3A: fields.append([])
            default: fields[fields.count - 1].append(byte)
            }
        }
        return nil
    }
}
