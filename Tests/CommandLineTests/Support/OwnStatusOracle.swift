import Impersonation

@testable import impersonate

/// What holds for what the tool reads of its own `/proc/self/status`, whatever is in it.
enum OwnStatusOracle {
    static let samples: [[UInt8]] = [
        "Name:\timpersonate\nSigIgn:\t0000000000001000\nSigBlk:\t0000000000004002\nNoNewPrivs:\t0\n",
        "Name:\ta:b\r\nSigIgn: ffffffffffffffff\nSigIgn:\t0\n",
    ]
    .map { Array($0.utf8) }

    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        let status = ProcessStatus(text)
        for name in ["SigIgn", "SigBlk", "NoNewPrivs"] {
            let value = value(of: Array(name.utf8), in: Array(text.utf8))
            guard status[name].map({ Array($0.utf8) }) == value else {
                return "\(name) is \(status[name] ?? "not there")"
            }
            let mask = value.flatMap { UInt64(String(decoding: $0, as: UTF8.self), radix: 16) } ?? 0
            for number: Int32 in [1, 2, 13, 15, 64] {
                let isIn = mask >> UInt64(number - 1) & 1 == 1
                guard status.contains(Signal(rawValue: number), in: name) == isIn else {
                    return "signal \(number) is \(!isIn)"
                }
            }
        }
        return nil
    }

    /// Read another way: the first line that begins with the name.
    private static func value(of name: [UInt8], in bytes: [UInt8]) -> [UInt8]? {
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != 0x0A { end += 1 }
            let line = bytes[start..<end]
            if line.starts(with: name + [UInt8(ascii: ":")]) {
                return Array(line.dropFirst(name.count + 1).drop { $0 == 0x09 || $0 == 0x20 })
            }
            start = end + 1
        }
        return nil
    }
}
