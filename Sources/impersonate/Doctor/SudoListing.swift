/// What `sudo -ll` says that its caller may run.
///
/// Without the second `l`, several commands stand behind one tag, in lines that are broken anywhere.
struct SudoListing {
    private struct Entry {
        var targets: [String] = []
        var asks: Bool
        var commands: [String] = []

        /// Whether an account may be meant; groups and aliases are not looked into.
        func mayMean(_ name: String, _ number: UInt32) -> Bool {
            let names = [name, "#\(number)"]
            guard !targets.contains(where: { names.map { "!\($0)" }.contains($0) }) else { return false }
            return targets.contains { $0.hasPrefix("%") || Self.isAlias($0) || names.contains($0) }
        }

        /// As `ALL` is one.
        private static func isAlias(_ word: String) -> Bool {
            word.first?.isUppercase == true && word.allSatisfy { $0.isUppercase || $0.isNumber || $0 == "_" }
        }
    }

    private let entries: [Entry]

    /// Reads it.
    ///
    /// - Parameter text: What `sudo` has written in English; `nil` where that has no entries.
    init?(_ text: String) {
        // As a setting of its own, or one for the command, which is not told apart here.
        let asksOtherwise =
            !(text.firstRange(of: "\nSudoers entry:").map { text[..<$0.lowerBound].contains("!authenticate") } ?? false)
        var entries: [Entry] = []
        var label: Substring = ""
        for line in text.utf8.split(separator: UInt8(ascii: "\n")).map({ Substring($0) }) {
            if line.hasPrefix("Sudoers entry:") { entries.append(Entry(asks: asksOtherwise)) }
            guard let last = entries.indices.last else { continue }
            var rest = line.drop { $0.isWhitespace }
            // What stands further in belongs to the line before.
            if line.first != "\t", line.count - rest.count < 8 {
                label = rest.prefix { $0 != ":" }
                rest = rest.dropFirst(label.count + 1).drop { $0 == " " }
            }
            guard !rest.isEmpty else { continue }
            switch label {
            case "RunAsUsers": entries[last].targets += Self.list(rest)
            case "Options":
                let options = Self.list(rest)
                if options.contains("authenticate") { entries[last].asks = true }
                if options.contains("!authenticate") { entries[last].asks = false }
            case "Commands": entries[last].commands.append(String(rest))
            default: break
            }
        }
        guard !entries.isEmpty else { return nil }
        self.entries = entries
    }

    private static func list(_ text: Substring) -> [String] {
        text.split { $0 == "," || $0 == " " }.map(String.init)
    }

    /// Whether a command is permitted to those only who give a password.
    ///
    /// - Parameters:
    ///   - account: As whom; with `nil` as anybody.
    ///   - isMeant: Whether a command of a rule is the one.
    /// - Returns: Whether it is; `nil` where it is not permitted at all.
    func asks(as account: (name: String, number: UInt32)?, for isMeant: (String) -> Bool) -> Bool? {
        let meant = entries.filter { entry in
            account.map { entry.mayMean($0.name, $0.number) } ?? true
                && entry.commands.contains { $0 == "ALL" || isMeant($0) }
        }
        return meant.isEmpty ? nil : meant.allSatisfy(\.asks)
    }
}
