/// Names that other programs give to what this library's keys decide.
///
/// `allowed_users` is far from `allowed_accounts` by its letters and means the same: passed over, it would let everybody
/// run jobs.
enum KeySynonym {
    private enum Verb {
        case allow
        case deny
        case minimum
    }

    private enum Subject {
        case account
        case group
        case number
    }

    private static let verbs: [(start: String, verb: Verb)] = [
        ("allow", .allow), ("permit", .allow), ("only", .allow), ("white", .allow), ("accept", .allow),
        ("den", .deny), ("forbid", .deny), ("block", .deny), ("exclu", .deny), ("black", .deny), ("ban", .deny),
        ("refus", .deny), ("reject", .deny), ("disallow", .deny), ("min", .minimum), ("lowest", .minimum),
        ("least", .minimum),
    ]

    private static let subjects: [(start: String, subject: Subject)] = [
        ("user", .account), ("account", .account), ("login", .account), ("people", .account), ("group", .group),
        ("gid", .group), ("uid", .number), ("id", .number),
    ]

    /// Names that are one thing as a whole, without blanks and marks.
    private static let whole = [
        "proxyuser": "proxy_account", "runas": "proxy_account", "runasuser": "proxy_account",
        "usermode": "proxy_execution_mode", "proxymode": "proxy_execution_mode", "mode": "proxy_execution_mode",
    ]

    /// The key of this library that a name means, by its words.
    ///
    /// - Parameter name: A key that is not known.
    /// - Returns: The name of the key, or `nil` when it means none of those that restrict whom jobs run as.
    static func key(for name: String) -> String? {
        let words = words(of: name)
        if let key = whole[words.joined()] { return key }
        let verb = words.lazy.compactMap { word in verbs.first { word.hasPrefix($0.start) }?.verb }.first
        let found = words.compactMap { word in subjects.first { word.hasPrefix($0.start) }?.subject }
        switch (verb, found.first) {
        case (.minimum?, _) where found.contains(.number): return "minimum_uid"
        case (nil, _), (.minimum?, _): return words.joined().hasPrefix("minuid") ? "minimum_uid" : nil
        case (.allow?, .group?): return "allowed_groups"
        case (.deny?, .group?): return "denied_groups"
        case (.allow?, _?): return "allowed_accounts"
        case (.deny?, _?): return "denied_accounts"
        case (.deny?, nil), (.allow?, nil): return words.joined().hasSuffix("list") ? "denied_accounts" : nil
        }
    }

    /// Words end at marks and where a capital letter follows a small one.
    private static func words(of name: String) -> [String] {
        var words: [String] = [""]
        var wasSmall = false
        for character in name {
            if !character.isLetter && !character.isNumber || character.isUppercase && wasSmall { words.append("") }
            if character.isLetter || character.isNumber { words[words.count - 1] += character.lowercased() }
            wasSmall = character.isLowercase
        }
        return words.filter { !$0.isEmpty }
    }
}
