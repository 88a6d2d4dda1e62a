/// A text that is a decimal number, a name, or something that one tool takes for the one and another for the other.
enum PolicyNumber: Equatable {
    /// Digits and nothing else, and no more than an id can be.
    case number(UInt32)

    /// No tool reads it as a number.
    case name

    /// It is neither; why not, and what to write.
    case unclear(String, remedy: String)

    /// Reads a text.
    ///
    /// `0day` is a name, as systemd once read it as user id 0 (CVE-2017-1000082). `-1`, `+0`, `0x0`, `1e3` and `007` are
    /// nothing: `strtoul(3)` and its like read them as numbers.
    init(_ text: String) {
        let letters = Array(text.utf8)
        guard let first = letters.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "+") else {
            self = .unclear("\(text.quoted) begins with a sign", remedy: "write a decimal number, or a name")
            return
        }
        guard letters.allSatisfy(\.isDigit) else {
            let isPrefixed =
                first == UInt8(ascii: "0") && letters.dropFirst().first.map { $0 | 0x20 } == UInt8(ascii: "x")
            let reads =
                first.isDigit
                && letters.dropFirst(isPrefixed ? 2 : 1)
                    .allSatisfy { $0.isDigit || "_.-eE".utf8.contains($0) || (isPrefixed && $0.isHexadecimal) }
            self = reads ? .unclear("\(text.quoted) reads as a number", remedy: "write it in decimal digits") : .name
            return
        }
        guard letters.count == 1 || first != UInt8(ascii: "0") else {
            self = .unclear("\(text.quoted) begins with a zero, as octal numbers do", remedy: "leave the zeros out")
            return
        }
        guard let number = UInt32(text) else {
            self = .unclear("\(text.quoted) is larger than any id", remedy: "write at most 4294967294")
            return
        }
        self = .number(number)
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

    fileprivate var isHexadecimal: Bool { isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self | 0x20) }
}
