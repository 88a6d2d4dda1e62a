/// Texts that would do something to a log or to the terminal of its reader.
enum HostileText {
    static let all = [
        "alice\nlogin=root",
        "alice\r\n{\"event\":\"decision\"}",
        "\u{1B}[2J\u{1B}]0;owned\u{07}",
        "\u{9B}31m\u{85}\u{90}",
        "\u{7F}\u{8}\u{8}\u{8}root",
        "\u{0}nul",
        "\u{2028}line\u{2029}paragraph",
        "\u{202E}toor\u{202C}\u{2066}x\u{2069}\u{200F}\u{061C}",
        "zero\u{200B}width\u{FEFF}\u{AD}\u{2060}",
        "\u{E0001}\u{E0041}tags",
        "\u{E000}private\u{10FFFF}\u{FFFE}unassigned",
        "\"}\\\",\"uid\":0,\"x\":\"\\u0000",
        "/slash\\back\u{1F600}",
    ]

    static func isHostile(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate: true
        default: false
        }
    }
}
