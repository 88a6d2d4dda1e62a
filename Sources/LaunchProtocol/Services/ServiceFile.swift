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

    /// Files include others; more than these are a circle.
    private static let filesMost = 64

    /// Everything it names, in order.
    package private(set) var entries: [Entry] = []

    /// Files that are named and cannot be read.
    package private(set) var missing: [FilePath] = []

    private var read: Set<FilePath> = []

    /// Reads the file of a service.
    ///
    /// - Parameter service: The service.
    package init(of service: String) {
        add(service, ofKind: nil)
    }

    private mutating func add(_ file: String, ofKind kind: String?) {
        let path = file.hasPrefix("/") ? FilePath(file) : Self.directory.appending(file)
        guard read.count < Self.filesMost, read.insert(path).inserted else { return }
        guard let text = try? ProcFile.read(path) else {
            missing.append(path)
            return
        }
        // A line goes on behind a backslash at its end.
        for line in text.replacing("\\\n", with: " ").split(separator: "\n") { add(line: line, ofKind: kind) }
        // Each kind may include the same file.
        read.remove(path)
    }

    private mutating func add(line: Substring, ofKind wanted: String?) {
        let words = Self.words(line.prefix { $0 != "#" })
        guard words.count > 1 else { return }
        if words[0] == "@include" { return add(words[1], ofKind: wanted) }
        // The dash keeps PAM from complaining of a module that is not there.
        let kind = words[0].lowercased().drop { $0 == "-" }
        guard words.count > 2, wanted == nil || wanted == String(kind) else { return }
        let control = words[1].lowercased()
        if control == "include" || control == "substack" { return add(words[2], ofKind: String(kind)) }
        entries.append(
            Entry(kind: String(kind), control: control, module: words[2], arguments: Array(words.dropFirst(3)))
        )
    }

    /// What brackets hold together is one word: `[success=1 default=ignore]`.
    private static func words(_ line: Substring) -> [String] {
        var words: [String] = []
        var word = ""
        var isBracketed = false
        for character in line {
            if character == "[" { isBracketed = true }
            if character == "]" { isBracketed = false }
            if character.isWhitespace, !isBracketed {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        return word.isEmpty ? words : words + [word]
    }
}
