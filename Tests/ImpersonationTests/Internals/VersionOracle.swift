@testable import Impersonation

/// What holds for what `sudo --version` says, and for the release of a kernel, whatever they are.
enum VersionOracle {
    static let samples: [[UInt8]] = [
        "Sudo version 1.9.13p3\nSudoers policy plugin version 1.9.13p3\n", "Sudo version 1.8.31\n", "sudo-rs 0.2.13\n",
        "doas\u{1B}[1m\n", "6.15.0-rc1", "6.14.11+deb13-amd64", "10.1", "6.150",
        "Sudo version 99999999999999999999.9.15\n",
    ]
    .map { Array($0.utf8) }

    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        let flavour = SudoProgram.Flavour(version: text)
        let line = Array(text.utf8.prefix { $0 != 0x0A })
        guard flavour.description.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            return "is shown in another way than as a line: \(flavour)"
        }
        switch flavour {
        case .original(let version):
            guard line.starts(with: "Sudo version ".utf8) else { return "does not say that it is \(flavour)" }
            guard flavour.knowsExpressions == isVersion(version, since: [1, 9, 10]) else {
                return "knows something else"
            }
            guard (flavour.longestPassword > 255) == isVersion(version, since: [1, 9, 0]) else { return "reads more" }
        case .rust(let version):
            guard line.starts(with: "sudo-rs ".utf8) else { return "does not say that it is \(flavour)" }
            guard flavour.tellsEverySignal == isVersion(version, since: [0, 2, 13]) else {
                return "tells something else"
            }
            guard !flavour.takesPassword, !flavour.knowsExpressions else { return "is taken for the original one" }
        case .unknown:
            guard !flavour.takesPassword, !flavour.tellsEverySignal, !flavour.knowsExpressions, !flavour.isTested,
                flavour.longestPassword == 255
            else { return "is known: \(flavour)" }
        }
        return KernelsWord.tellsEnds(text) == isTold(Array(text.utf8)) ? nil : "is another kernel"
    }

    /// Read another way: each byte is looked at once.
    private static func isVersion(_ text: String, since least: [Int]) -> Bool {
        var parts: [[UInt8]] = [[]]
        for byte in text.utf8 {
            if byte != UInt8(ascii: "."), byte != UInt8(ascii: "p") {
                parts[parts.count - 1].append(byte)
            } else if parts.last?.isEmpty == false {
                parts.append([])
            }
        }
        if parts.last?.isEmpty == true { parts.removeLast() }
        let numbers = parts.prefix(3).compactMap { Int(String(decoding: $0, as: UTF8.self)) }
        return numbers.count == 3 && !numbers.lexicographicallyPrecedes(least)
    }

    private static func isTold(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        func number() -> Int? {
            let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
            rest = rest.dropFirst(digits.count)
            return Int(String(decoding: digits, as: UTF8.self))
        }
        guard let major = number() else { return false }
        rest = rest.drop { $0 != UInt8(ascii: ".") }
        guard rest.popFirst() != nil, let minor = number() else { return false }
        return major > 6 || major == 6 && minor >= 15
    }
}
