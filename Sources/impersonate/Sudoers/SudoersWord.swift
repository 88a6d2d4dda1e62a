/// Words of sudoers(5), escaped so that they mean themselves.
enum SudoersWord {
    /// An account that is denied.
    ///
    /// One that is permitted is a number: names match others that differ in case.
    ///
    /// By its name where no reader could take that for something else: names of capitals are aliases, `ALL` is everybody, some
    /// words are syntax, and `#`, `%` and `+` stand in front of numbers and groups even where they are escaped. By its number then.
    static func account(_ name: String, _ number: UInt32) -> String {
        self.name(name) ?? "#\(number)"
    }

    /// A group whose members are denied.
    static func group(_ name: String, _ number: UInt32) -> String {
        self.name(name) ?? "#\(number)"
    }

    /// A name; `nil` where a reader could take it for something else.
    static func name(_ name: String) -> String? {
        isPlainName(name) ? escaped(name) : nil
    }

    /// Text behind a `#`: one line, and nothing that a terminal obeys.
    static func comment(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.filter { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: false
                    default: true
                    }
                }
            )
        )
    }

    /// A path, or one word of the arguments behind it.
    ///
    /// - Returns: The word; `nil` for a path with anything in it that is a pattern to `sudo`, or that its parser and its matching
    ///   of arguments (`fnmatch(3)`) take the escapes off twice.
    static func path(_ text: String) -> String? {
        var word = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case " ", ",", ":", "=": word += ["\\", scalar]
            case _ where isWord(scalar) || "/-.+@~".unicodeScalars.contains(scalar): word.append(scalar)
            default: return nil
            }
        }
        return String(word)
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
        let marks = #"\.+$"#.unicodeScalars
        return String(String.UnicodeScalarView(text.unicodeScalars.flatMap { marks.contains($0) ? ["\\", $0] : [$0] }))
    }

    private static func isArgument(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, first != "-" else { return false }
        return text.unicodeScalars.allSatisfy { isWord($0) || #"/-.+@$\"#.unicodeScalars.contains($0) }
    }

    /// Whether `sudo` reads a scalar as a part of a word.
    ///
    /// By scalars, as all of this: a letter that joins what follows makes one `Character` with it, which is a letter.
    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_": return true
        default: break
        }
        guard !scalar.isASCII, !scalar.properties.isWhitespace else { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator, .unassigned: return false
        default: return true
        }
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
        guard !name.unicodeScalars.contains("\"") else { return false }
        return name.unicodeScalars.contains { scalar in
            switch scalar {
            case "A"..."Z", "0"..."9", "_": false
            default: true
            }
        }
    }

    private static func escaped(_ name: String) -> String {
        let bare = name.unicodeScalars.flatMap { scalar -> [Unicode.Scalar] in
            !scalar.isASCII || isWord(scalar) || scalar == "-" || scalar == "." ? [scalar] : ["\\", scalar]
        }
        return String(String.UnicodeScalarView(bare))
    }
}
