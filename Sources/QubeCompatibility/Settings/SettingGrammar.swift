import Impersonation
import LaunchProtocol
import SystemPackage

/// What the values of the single keys may be: one function for each kind of value, from text to meaning.
///
/// Messages repeat a value only where no password can be expected in it.
enum SettingGrammar {
    /// One of the words of an enumeration.
    static func word<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ text: String
    ) throws(SettingProblem) -> ParsedSetting<Value> {
        if let value = Value(rawValue: text) { return ParsedSetting(value) }
        let choices = Value.allCases.map(\.rawValue).joined(separator: ", ")
        // Only ASCII, because a Kelvin sign would otherwise pass for the letter k.
        if text.utf8.allSatisfy({ $0 < 0x80 }), let value = Value(rawValue: text.lowercased()) {
            return ParsedSetting(
                value,
                warning: SettingProblem(
                    .unusualSpelling,
                    "\"\(printable(text))\" is read as \(value.rawValue)",
                    remedy: "write \(value.rawValue)"
                )
            )
        }
        throw SettingProblem(
            .invalidValue,
            text.isEmpty ? "the value is missing" : "\"\(printable(text))\" is no value of this key",
            remedy: "use one of: \(choices)"
        )
    }

    /// A nice value: Qube! documents -20 to 20, POSIX systems end at 19.
    static func niceValue(_ text: String) throws(SettingProblem) -> ParsedSetting<Int> {
        let number = try integer(text)
        switch number {
        case -20...19: return ParsedSetting(number)
        case 20:
            return ParsedSetting(
                19,
                warning: SettingProblem(
                    .unusualSpelling,
                    "20 is read as 19, the lowest priority there is on this system",
                    remedy: "write 19"
                )
            )
        default:
            throw SettingProblem(.outOfRange, "\(number) is no nice value", remedy: "use a number from -20 to 19")
        }
    }

    /// A user id that may be a minimum.
    static func minimumUserID(_ text: String) throws(SettingProblem) -> ParsedSetting<UInt32> {
        let number = try integer(text)
        // The highest id means "leave as it is" to the system calls that set ids.
        guard number >= 1, number < Int(UInt32.max), let value = UInt32(exactly: number) else {
            throw SettingProblem(
                .outOfRange,
                "\(number) cannot be the smallest user id of a job",
                remedy: "use a number from 1 to \(UInt32.max - 1); the superuser never runs jobs"
            )
        }
        return ParsedSetting(value)
    }

    private static func integer(_ text: String) throws(SettingProblem) -> Int {
        guard let number = Int(text) else {
            throw SettingProblem(
                .invalidValue,
                text.isEmpty ? "the value is missing" : "\"\(printable(text, limit: 40))\" is no whole number",
                remedy: "write a decimal number"
            )
        }
        return number
    }

    /// The bare name of an account, without a domain in any spelling.
    static func bareAccount(
        _ text: String,
        key: String,
        syntax: AccountNameSyntax
    ) throws(SettingProblem) -> ParsedSetting<String> {
        let separators = Set("\\/@\(syntax.separator)".unicodeScalars)
        guard !text.unicodeScalars.contains(where: separators.contains) else {
            throw SettingProblem(
                .bareUserNameOnly,
                "bare user name only: \"\(printable(text))\" names a domain as well",
                remedy: remedyForDomain(in: text, key: key, separators: separators)
            )
        }
        let name = try accountName(text, syntax: syntax)
        guard name.form == .bare else {
            throw SettingProblem(
                .bareUserNameOnly,
                "bare user name only: \"\(printable(text))\" names a domain as well",
                remedy: "put the domain in worker_host_domain"
            )
        }
        return ParsedSetting(text)
    }

    private static func remedyForDomain(in text: String, key: String, separators: Set<Unicode.Scalar>) -> String {
        let parts = text.unicodeScalars.split(
            maxSplits: 1,
            omittingEmptySubsequences: false,
            whereSeparator: separators.contains
        )
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            return "write the name alone, and put the domain in worker_host_domain"
        }
        let isPrincipal = text.contains("@")
        let user = printable(String(String.UnicodeScalarView(isPrincipal ? parts[0] : parts[1])))
        let domain = printable(String(String.UnicodeScalarView(isPrincipal ? parts[1] : parts[0])))
        return "write \(key) = \(user) and worker_host_domain = \(domain)"
    }

    private static func accountName(
        _ text: String,
        syntax: AccountNameSyntax
    ) throws(SettingProblem) -> AccountName {
        do throws(AccountNameError) {
            return try AccountName(text, syntax: syntax)
        } catch {
            throw SettingProblem(
                .invalidValue,
                "\"\(error.text)\" cannot be the name of an account: \(error.message)",
                remedy: "write the name of an account"
            )
        }
    }

    /// Names of accounts, separated by commas.
    static func accounts(
        _ text: String,
        syntax: AccountNameSyntax
    ) throws(SettingProblem) -> ParsedSetting<[AccountName]> {
        var names: [AccountName] = []
        for name in try list(text) { names.append(try accountName(name, syntax: syntax)) }
        return ParsedSetting(names)
    }

    /// Names or ids of groups, separated by commas; groups of a domain may have blanks in their names.
    ///
    /// What separates entries in other files, or marks a group there, is refused: it would be part of a name that no
    /// group has.
    static func groups(_ text: String) throws(SettingProblem) -> ParsedSetting<[GroupReference]> {
        var groups: [GroupReference] = []
        for name in try list(text) {
            guard !name.contains(where: { notInGroupNames.contains($0) }), !"-@%+&".contains(name.prefix(1)),
                let group = GroupReference(name)
            else {
                throw SettingProblem(
                    .invalidValue,
                    "\"\(printable(name))\" cannot be a group",
                    remedy: "write names or ids of groups, separated by commas and without any mark"
                )
            }
            groups.append(group)
        }
        return ParsedSetting(groups)
    }

    private static let notInGroupNames = Set(":;\"'[](){}|*?!")

    /// Domains, separated by commas, in the order they are tried.
    static func domains(_ text: String) throws(SettingProblem) -> ParsedSetting<[String]> {
        let names = try list(text)
        for name in names { try requireDomain(name) }
        return ParsedSetting(names)
    }

    /// A domain, or nothing.
    static func domain(_ text: String) throws(SettingProblem) -> ParsedSetting<String?> {
        guard !text.isEmpty else { return ParsedSetting(nil) }
        try requireDomain(text)
        return ParsedSetting(text)
    }

    /// A domain is whatever can stand before the separator of an account name.
    private static func requireDomain(_ text: String) throws(SettingProblem) {
        let reason: String
        do throws(AccountNameError) {
            let name = try AccountName("\(text)\\user")
            guard name.domain != text else { return }
            reason = "the name holds more than a domain"
        } catch {
            reason = error.message
        }
        throw SettingProblem(
            .invalidValue,
            "\"\(printable(text))\" cannot be the name of a domain: \(reason)",
            remedy: "write the domain alone, such as MYCORP or mycorp.example"
        )
    }

    private static func list(_ text: String) throws(SettingProblem) -> [String] {
        guard !text.isEmpty else { return [] }
        // By bytes: a combining mark after a comma makes another character of it, and no separator any more.
        let names = Array(text.utf8)
            .split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            .map(\.trimmed.text)
        guard !names.contains("") else {
            throw SettingProblem(
                .invalidValue,
                "the list has an empty entry",
                remedy: "write the names separated by single commas"
            )
        }
        return names
    }

    /// The character between domain and user.
    ///
    /// The same characters as ``AccountNameSyntax/separator`` takes; Samba's `winbind separator` would take more.
    static func separator(_ text: String) throws(SettingProblem) -> ParsedSetting<Character> {
        let separators: [Character] = ["\\", "+", "/", "%", "^", "~", "!", "|", "="]
        guard text.count == 1, let character = text.first, separators.contains(character) else {
            throw SettingProblem(
                .invalidValue,
                "\"\(printable(text, limit: 40))\" cannot separate a domain from a user",
                remedy: "use one of: \(separators.map { String($0) }.joined(separator: " "))"
            )
        }
        return ParsedSetting(character)
    }

    /// The name of a PAM service, which PAM uses as a file name; what the helper's policy can name, and nothing else.
    static func pamService(_ text: String) throws(SettingProblem) -> ParsedSetting<String> {
        guard ServiceName.isValid(text.utf8) else {
            throw SettingProblem(
                .invalidValue,
                "\"\(printable(text))\" cannot be the name of a PAM service",
                remedy:
                    "write the name of a file in /etc/pam.d: up to \(ServiceName.lengths.upperBound) small letters, "
                    + "digits, '-', '_' and '.', the first a letter or a digit"
            )
        }
        return ParsedSetting(text)
    }

    /// The absolute path of a file.
    static func path(_ text: String) throws(SettingProblem) -> ParsedSetting<FilePath> {
        guard isAbsolutePathOfFile(text) else {
            throw SettingProblem(
                .invalidValue,
                text.isEmpty ? "the value is missing" : "\"\(printable(text))\" is no absolute path of a file",
                remedy: "write the whole path from / on, without . and .."
            )
        }
        return ParsedSetting(FilePath(text))
    }

    private static func isAbsolutePathOfFile(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.first == .slash, bytes.last != .slash else { return false }
        return !bytes.split(separator: .slash).contains { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }
    }

    /// The URL of a store, which may hold a password and is never repeated.
    static func state(_ text: String) throws(SettingProblem) -> ParsedSetting<StateLocation> {
        let location = StateLocation(url: text)
        let isValid: Bool
        switch location.scheme {
        case "memory": isValid = text == "memory:"
        case "sqlite":
            isValid = text.hasPrefix("sqlite:///") && isAbsolutePathOfFile(String(text.dropFirst("sqlite://".count)))
        case "postgresql":
            isValid = text.hasPrefix("postgresql://") && text.utf8.count > "postgresql://".utf8.count
        default: isValid = false
        }
        guard isValid else {
            throw SettingProblem(
                .invalidValue,
                text.isEmpty ? "the value is missing" : "the value is no URL of a store",
                remedy: "write sqlite:///absolute/path, postgresql://host/database or memory:"
            )
        }
        return ParsedSetting(location)
    }
}
