/// Words of sudoers(5), escaped so that they mean themselves.
enum SudoersWord {
    /// An account.
    ///
    /// By its name where no reader could take that for something else: names of capitals are aliases, `ALL` is everybody, some
    /// words are syntax, and `#`, `%` and `+` stand in front of numbers and groups even where they are escaped. By its number then.
    static func account(_ name: String, _ number: UInt32) -> String {
        isPlainName(name) ? escaped(name) : "#\(number)"
    }

    /// A group in the list of those that a job may run with, or whose members may.
    static func group(_ name: String, _ number: UInt32) -> String {
        isPlainName(name) ? escaped(name) : "#\(number)"
    }

    /// A path, or one word of the arguments behind it.
    ///
    /// - Returns: The word; `nil` for a path with anything in it that is a pattern to `sudo`, or that its parser and its matching
    ///   of arguments (`fnmatch(3)`) take the escapes off twice.
    static func path(_ text: String) -> String? {
        var word = ""
        for character in text {
            switch character {
            case " ", ",", ":", "=": word += "\\\(character)"
            case _ where character.isLetter || character.isNumber || "/_-.+@~".contains(character):
                word.append(character)
            default: return nil
            }
        }
        return word
    }

    /// Whether a shell, and the rules, read a path as it is.
    static func isPlain(_ path: String) -> Bool {
        path.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "/"):
                true
            default: false
            }
        }
    }

    /// The name of an account as an argument of a program.
    ///
    /// - Returns: The word; `nil` for a name that an option, a pattern or a blank is in: `sudo` compares arguments joined by
    ///   blanks, so that a blank would permit another account with one argument more.
    static func argument(_ name: String) -> String? {
        // Its parser takes one half of the backslashes off, and its matching (fnmatch(3)) the other one.
        isArgument(name) ? name.replacing("\\", with: #"\\\\"#) : nil
    }

    /// A name or a path in a regular expression that is the argument of a program (sudo 1.9.10).
    ///
    /// - Returns: The expression; `nil` for what ``argument(_:)`` refuses as well.
    static func expression(_ text: String) -> String? {
        guard isArgument(text) else { return nil }
        return String(text.flatMap { #"\.+$"#.contains($0) ? ["\\", $0] : [$0] })
    }

    private static func isArgument(_ text: String) -> Bool {
        guard let first = text.first, first != "-" else { return false }
        return text.allSatisfy { $0.isLetter || $0.isNumber || #"/_-.+@$\"#.contains($0) }
    }

    /// Words that mean something else in some place of sudoers, or did in some version.
    private static let syntax: Set<String> = [
        "sudoedit", "list", "Defaults", "User_Alias", "Runas_Alias", "Host_Alias", "Cmnd_Alias", "Cmd_Alias", "include",
        "includedir",
    ]

    private static func isPlainName(_ name: String) -> Bool {
        guard !syntax.contains(name) else { return false }
        guard let first = name.unicodeScalars.first, first.properties.isAlphabetic || first == "_" else { return false }
        guard name.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F || $0 == " " }) else { return false }
        guard !name.contains("\"") else { return false }
        return name.contains { $0.isLowercase || !($0.isUppercase || $0.isNumber || $0 == "_") }
    }

    private static func escaped(_ name: String) -> String {
        String(name.flatMap { isBare($0) ? [$0] : ["\\", $0] })
    }

    private static func isBare(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || "_-.".contains(character)
    }
}
