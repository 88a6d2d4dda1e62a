/// What a counted string may hold; encoder and decoder ask the same rule.
struct StringRule: Sendable {
    enum Content: Sendable {
        /// Every byte but zero.
        case bytes

        /// `NAME=value`, as in an environment.
        case assignment

        /// UTF-8 without zero bytes.
        case text

        /// A stable code: letters, digits, hyphens and dots of ASCII.
        case code

        /// The name of a file in `/etc/pam.d`: see ``ServiceName``.
        case service
    }

    let sizes: ClosedRange<Int>
    let content: Content

    static let account = StringRule(sizes: 1...ProtocolLimits.accountLength, content: .bytes)
    static let path = StringRule(sizes: 1...ProtocolLimits.pathLength, content: .bytes)
    static let argument = StringRule(sizes: 0...ProtocolLimits.stringLength, content: .bytes)
    static let variable = StringRule(sizes: 2...ProtocolLimits.stringLength, content: .assignment)
    static let message = StringRule(sizes: 0...ProtocolLimits.messageLength, content: .text)
    static let code = StringRule(sizes: 1...ProtocolLimits.codeLength, content: .code)
    static let service = StringRule(sizes: 1...ProtocolLimits.codeLength, content: .service)

    /// What is wrong with the bytes of a string, whose size is right.
    func violation(in bytes: ArraySlice<UInt8>) -> FrameError.Code? {
        if bytes.contains(0) { return .zeroByte }
        return switch content {
        case .bytes: nil
        case .assignment:
            bytes.dropFirst().contains(UInt8(ascii: "=")) && bytes.first != UInt8(ascii: "=")
                ? nil : .invalidText
        case .text: String(validating: bytes, as: UTF8.self) == nil ? .invalidText : nil
        case .code: bytes.allSatisfy(Self.isCodeCharacter) ? nil : .invalidText
        case .service: ServiceName.isValid(bytes) ? nil : .invalidText
        }
    }

    private static func isCodeCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
