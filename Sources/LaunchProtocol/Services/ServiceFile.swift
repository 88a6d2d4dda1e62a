import LaunchPlan
package import SystemPackage

/// What the file of a PAM service names, with the files that it includes (`pam.d(5)`).
///
/// For looking ahead only: PAM reads its files itself for each session.
package struct ServiceFile: Sendable {
    /// One module of one kind.
    package struct Entry: Hashable, Sendable {
        /// `auth`, `account`, `password` or `session`, in small letters.
        package let kind: String

        /// What its answer does, in small letters: `required`, or all of `[success=1 default=ignore]`.
        package let control: String

        /// The module, as the file spells it.
        package let module: String

        /// What the file tells the module.
        package let arguments: [String]
    }

    /// Where services have their files.
    package static let directory = FilePath("/etc/pam.d")

    private static let kinds: Set<String> = ["auth", "account", "password", "session"]

    /// Files include others, and each kind may include the same one; more than these are a circle, which may have any number of
    /// ways through it.
    package static let filesMost = 64

    /// Everything it names, in order.
    package private(set) var entries: [Entry] = []

    /// Files that are named and cannot be read.
    package private(set) var missing: [FilePath] = []

    /// Whether it includes more files than are read here, or itself: Linux-PAM follows a circle until its stack is full, and crashes.
    package private(set) var isCutShort = false

    private var open: Set<FilePath> = []

    private var filesRead = 0

    /// Reads the file of a service.
    ///
    /// - Parameters:
    ///   - service: The service.
    ///   - read: How a file is read.
    package init(
        of service: String,
        reading read: (FilePath) throws(Errno) -> String = { path throws(Errno) in try ProcFile.read(path) }
    ) {
        add(service, ofKind: nil, read)
    }

    private mutating func add(_ file: String, ofKind kind: String?, _ read: (FilePath) throws(Errno) -> String) {
        let path = file.hasPrefix("/") ? FilePath(file) : Self.directory.appending(file)
        guard filesRead < Self.filesMost, open.insert(path).inserted else {
            isCutShort = true
            return
        }
        filesRead += 1
        guard let text = try? read(path) else {
            missing.append(path)
            return
        }
        for line in Self.lines(of: text) { add(line: line, ofKind: kind, read) }
        // Each kind may include the same file.
        open.remove(path)
    }

    private mutating func add(
        line: [UInt8],
        ofKind wanted: String?,
        _ read: (FilePath) throws(Errno) -> String
    ) {
        let words = Self.words(line)
        guard words.count > 1 else { return }
        if words[0] == "@include" { return add(words[1], ofKind: wanted, read) }
        // The dash keeps PAM from complaining of a module that is not there.
        let kind = String((words[0].hasPrefix("-") ? words[0].dropFirst() : words[0][...]).lowercased())
        guard words.count > 2, Self.kinds.contains(kind), wanted == nil || wanted == kind else { return }
        let control = words[1].lowercased()
        if control == "include" || control == "substack" { return add(words[2], ofKind: kind, read) }
        entries.append(Entry(kind: kind, control: control, module: words[2], arguments: Array(words.dropFirst(3))))
    }

    /// The lines, each with the next one behind a backslash at its end (`_pam_assemble_line` of Linux-PAM).
    ///
    /// A comment ends its line, whatever stands at the end of it; lines that are nothing else are passed over, also where one
    /// goes on behind them. By bytes, as PAM takes them: there are letters that join a sign in front of them.
    private static func lines(of text: String) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var line: [UInt8] = []
        for part in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let content = Array(part).drop(while: isBlank)
            guard let first = content.first, first != UInt8(ascii: "#") else { continue }
            let said = content.prefix { $0 != UInt8(ascii: "#") }
            let end = said.lastIndex { !isBlank($0) } ?? said.startIndex
            if said.count == content.count, said[end] == UInt8(ascii: "\\") {
                line += said[..<end] + [UInt8(ascii: " ")]
            } else {
                lines.append(line + said)
                line = []
            }
        }
        return lines + [line]
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    /// What brackets hold together is one word: `[success=1 default=ignore]`.
    private static func words(_ line: [UInt8]) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        var isBracketed = false
        for byte in line {
            if byte == UInt8(ascii: "[") { isBracketed = true }
            if byte == UInt8(ascii: "]") { isBracketed = false }
            if !isBracketed, isBlank(byte) {
                if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
            } else {
                word.append(byte)
            }
        }
        return word.isEmpty ? words : words + [String(decoding: word, as: UTF8.self)]
    }
}
