import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("A secret")
struct SecretTests {
    private static func bytes(of secret: borrowing Secret) -> [UInt8] {
        secret.withBytes { bytes in
            (0..<bytes.byteCount).map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        }
    }

    private static func secret(_ text: String) throws -> Secret {
        var bytes = Array(text.utf8)
        return try Secret(consumingBytes: &bytes)
    }

    private static func isInvalid(_ make: () throws -> Void) -> Bool {
        do {
            try make()
            return false
        } catch {
            return (error as? CredentialStoreError)?.code == .invalidSecret
        }
    }

    @Test("has one to 511 bytes, however it is made", arguments: [0, 1, 2, 510, 511, 512, 513, 65_536])
    func lengths(length: Int) throws {
        let expected = (0..<length).map { UInt8($0 % 255 + 1) }
        let fits = (1...511).contains(length)
        #expect(Secret.maximumLength == 511)

        var source = expected
        let fromBytes = Self.isInvalid {
            let secret = try Secret(consumingBytes: &source)
            #expect(Self.bytes(of: secret) == expected)
        }
        let fromClosure = Self.isInvalid {
            let secret = try Secret(capacity: length) { span throws(CredentialStoreError) in
                for byte in expected { span.append(byte) }
            }
            #expect(Self.bytes(of: secret) == expected)
        }
        #expect(fromBytes == !fits)
        #expect(fromClosure == !fits)
        #expect(source.isEmpty)
    }

    @Test("has no NUL", arguments: [[0], [0, 65], [65, 0], [65, 0, 65]] as [[UInt8]])
    func noNUL(bytes: [UInt8]) {
        #expect(
            Self.isInvalid {
                var source = bytes
                _ = try Secret(consumingBytes: &source)
            }
        )
    }

    @Test("is not made when what fills it throws or appends nothing")
    func failedFill() {
        let failure = #expect(throws: CredentialStoreError.self) {
            _ = try Secret { span throws(CredentialStoreError) in
                span.append(65)
                throw CredentialStoreError(.unavailable, message: "the source broke off")
            }
        }
        #expect(failure?.code == .unavailable)
        #expect(Self.isInvalid { _ = try Secret { _ in } })
        #expect(Self.isInvalid { _ = try Secret(capacity: -1) { _ in } })
    }

    @Test(
        "matches a secret with the same bytes and no other",
        arguments: [
            ("a", "a", true), ("a", "b", false), ("a", "aa", false), ("aa", "a", false), ("A", "a", false),
            ("correct horse", "correct horse", true), ("correct horse", "correct horsf", false),
            ("correct horse", "Correct horse", false),
            (String(repeating: "x", count: 511), String(repeating: "x", count: 511), true),
            (String(repeating: "x", count: 511), String(repeating: "x", count: 510) + "y", false),
            (String(repeating: "x", count: 511), String(repeating: "x", count: 510), false),
        ]
    )
    func matches(left: String, right: String, areSame: Bool) throws {
        let first = try Self.secret(left)
        let second = try Self.secret(right)
        let matches = [first.matches(second), second.matches(first)]
        #expect(matches == [areSame, areSame])
    }

    @Test("has copies that live on their own")
    func copies() throws {
        let copy: Secret
        do {
            let original = try Self.secret("correct horse")
            copy = try original.copy()
            let isSame = copy.matches(original)
            #expect(isSame)
        }
        #expect(Self.bytes(of: copy) == Array("correct horse".utf8))
    }

    @Test(
        "is one line of a file without its newline",
        arguments: [
            ("secret\n", "secret", ""), ("secret", "secret", ""), ("secret\nrest\n", "secret", "rest\n"),
            ("secret \n", "secret ", ""), ("secret\r\n", "secret\r", ""), (" \n\n", " ", "\n"),
            (String(repeating: "x", count: 511) + "\nrest", String(repeating: "x", count: 511), "rest"),
        ]
    )
    func line(input: String, expected: String, rest: String) throws {
        let (reading, writing) = try FileDescriptor.pipe()
        defer { try? reading.close() }
        try writing.closeAfter { _ = try writing.writeAll(input.utf8) }
        let secret = try Secret(readingLineFrom: reading)
        #expect(Self.bytes(of: secret) == Array(expected.utf8))
        let left = try OwnMemory.read(reading, upTo: 64)
        #expect(left == Array(rest.utf8))
    }

    @Test(
        "is not made from a line that is empty, too long or holds a NUL",
        arguments: ["", "\n", "\nrest", "a\0b\n", String(repeating: "x", count: 512) + "\n"]
    )
    func badLine(input: String) throws {
        let (reading, writing) = try FileDescriptor.pipe()
        defer { try? reading.close() }
        try writing.closeAfter { _ = try writing.writeAll(input.utf8) }
        #expect(Self.isInvalid { _ = try Secret(readingLineFrom: reading) })
    }

    @Test("is not made from a line beyond the limit that was asked for, and is from one at it")
    func limit() throws {
        let (reading, writing) = try FileDescriptor.pipe()
        defer { try? reading.close() }
        try writing.closeAfter { _ = try writing.writeAll("1234\n12345\n".utf8) }
        let secret = try Secret(readingLineFrom: reading, limit: 4)
        #expect(Self.bytes(of: secret) == Array("1234".utf8))
        #expect(Self.isInvalid { _ = try Secret(readingLineFrom: reading, limit: 4) })
    }

    @Test("is not made from a descriptor that cannot be read, and says which")
    func unreadable() throws {
        let (reading, writing) = try FileDescriptor.pipe()
        try reading.close()
        defer { try? writing.close() }
        let failure = #expect(throws: CredentialStoreError.self) { _ = try Secret(readingLineFrom: writing) }
        #expect(failure?.code == .unavailable)
        #expect(failure?.message.contains("descriptor \(writing.rawValue)") == true)
    }

    @Test("shows nothing of itself in a box")
    func box() throws {
        let box = SecretBox(try Self.secret("correct horse"))
        var dumped = ""
        dump(box, to: &dumped)
        let texts = ["\(box)", String(reflecting: box), dumped]
        #expect(texts.allSatisfy { !$0.contains("horse") })
        #expect(Mirror(reflecting: box).children.isEmpty)
    }
}
