package import SystemPackage

/// The text of a policy, read: every line is a setting, and no key is unknown, set twice or without a value.
///
///     # comment
///     key = value value "value with blanks"
///
/// A format of its own, of which every text has one meaning: lines end in a line feed, there are no sections, no
/// continued lines and no variables. What the values mean is ``HelperPolicy``'s.
package struct PolicyFile: Sendable {
    /// The largest policy, in bytes.
    package static let maximumSize = 64 << 10

    /// A setting of the file.
    struct Entry: Sendable {
        let line: Int
        let values: [PolicyWord]
    }

    /// Where the text came from.
    package let path: FilePath

    /// The settings.
    let entries: [PolicyKey: Entry]

    /// How many lines the file has.
    let lineCount: Int

    /// Reads the text of a policy.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - path: Where it came from, for messages.
    /// - Throws: ``PolicyError`` with everything that is wrong, each with its line.
    package init(parsing bytes: [UInt8], from path: FilePath) throws(PolicyError) {
        self.path = path
        guard bytes.count <= Self.maximumSize else {
            throw PolicyError(Self.tooLarge(path, line: 1))
        }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        lineCount = lines.count
        var entries: [PolicyKey: Entry] = [:]
        var problems: [PolicyProblem] = []
        for (index, line) in lines.enumerated() {
            do throws(PolicyProblem.InLine) {
                guard let (key, entry) = try Self.entry(line, number: index + 1) else { continue }
                if let first = entries[key] {
                    throw PolicyProblem.InLine(
                        .duplicateKey,
                        "\(key.rawValue.quoted) is set in line \(first.line) already",
                        "put all values on one line"
                    )
                }
                entries[key] = entry
            } catch {
                problems.append(PolicyProblem(error.code, path, line: index + 1, error.text, error.remedy))
            }
        }
        guard problems.isEmpty else { throw PolicyError(problems) }
        self.entries = entries
    }

    static func tooLarge(_ path: FilePath, line: Int?) -> PolicyProblem {
        PolicyProblem(
            .tooLarge,
            path,
            line: line,
            "the file has more than \(maximumSize) bytes",
            "name a policy; none is that large. Let accounts be members of a group and permit the group"
        )
    }

    private static func entry(
        _ bytes: ArraySlice<UInt8>,
        number: Int
    ) throws(PolicyProblem.InLine) -> (PolicyKey, Entry)? {
        // First what is not seen in an editor: it makes every other message hard to believe.
        if let byte = bytes.first(where: { ($0 < 0x20 && $0 != UInt8(ascii: "\t")) || $0 == 0x7F }) {
            let isReturn = byte == UInt8(ascii: "\r")
            throw PolicyProblem.InLine(
                .controlCharacter,
                byte == 0
                    ? "the line contains a zero byte"
                    : isReturn
                        ? "the line contains a carriage return"
                        : "the line contains the control character U+00\(byte < 16 ? "0" : "")"
                            + String(byte, radix: 16, uppercase: true),
                isReturn ? "save the file with the line ends of Unix" : "remove it"
            )
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw PolicyProblem.InLine(.notUTF8, "the line is not UTF-8", "save the file as UTF-8")
        }
        if bytes.contains(where: { $0 >= 0x80 }),
            let scalar = text.unicodeScalars.first(where: { !$0.isSeen && $0 != "\t" })
        {
            throw PolicyProblem.InLine(
                .controlCharacter,
                "the line contains U+\(String(scalar.value, radix: 16, uppercase: true)), which is not seen",
                "remove it"
            )
        }
        let setting: PolicyLineReader.Setting
        do throws(PolicyLineReader.Problem) {
            guard let read = try PolicyLineReader.read(text) else { return nil }
            setting = read
        } catch {
            throw PolicyProblem.InLine(.syntax, error.text, error.remedy)
        }
        guard let key = PolicyKey(rawValue: setting.key) else {
            let nearest = PolicyKey.nearest(to: setting.key)
            throw PolicyProblem.InLine(
                .unknownKey,
                "\(setting.key.quoted) is no key of a policy",
                nearest.map { "did you mean \($0.rawValue.quoted)?" }
                    ?? "the keys are " + PolicyKey.allCases.map(\.rawValue).joined(separator: ", ")
            )
        }
        return (key, Entry(line: number, values: setting.values))
    }
}

extension PolicyProblem {
    /// What is wrong with a line whose file and number the caller knows.
    struct InLine: Error {
        let code: PolicyProblem.Code
        let text: String
        let remedy: String

        init(_ code: PolicyProblem.Code, _ text: String, _ remedy: String) {
            self.code = code
            self.text = text
            self.remedy = remedy
        }
    }
}
