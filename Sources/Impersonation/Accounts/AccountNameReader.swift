/// Reads an ``AccountName``: splits the text at its separator and checks each part.
struct AccountNameReader {
    /// Why a text is refused.
    struct Refusal: Error {
        let message: String

        init(_ message: String) {
            self.message = message
        }
    }

    /// The characters a site may put between domain and user: ASCII punctuation that no part of a name contains and
    /// that `passwd(5)`, `group(5)`, shells' word splitting and option parsing leave alone.
    static let separators: [Unicode.Scalar] = ["\\", "+", "/", "|", "!", "^", "%", "~", "="]

    private let text: String
    private let syntax: AccountNameSyntax

    init(_ text: String, syntax: AccountNameSyntax) {
        self.text = text
        self.syntax = syntax
    }

    func read() throws(Refusal) -> AccountName {
        guard !text.isEmpty else { throw Refusal("it is empty; name an account") }
        guard text.utf8.count <= AccountName.maximumLength else {
            throw Refusal("it has \(text.utf8.count) bytes, at most \(AccountName.maximumLength) are possible")
        }
        let separator = try separatorScalar()
        let scalars = Array(text.unicodeScalars)
        try refuseInvisible(in: scalars)

        let separators = scalars.count { $0 == separator }
        let signs = syntax.acceptsPrincipalNames ? scalars.count { $0 == "@" } : 0
        switch (separators, signs) {
        case (0, 0):
            try checkBare(scalars[...])
            return AccountName(spelling: text, user: text, domain: nil, form: .bare)
        case (1, 0):
            let (domain, user) = split(scalars, at: separator)
            try checkQualified(user: user, domain: domain)
            return AccountName(spelling: text, user: string(user), domain: string(domain), form: .downLevel)
        case (0, 1):
            let (user, domain) = split(scalars, at: "@")
            try checkQualified(user: user, domain: domain)
            return AccountName(spelling: text, user: string(user), domain: string(domain), form: .principal)
        case (0, _):
            throw Refusal("it contains '@' \(signs) times; write user@domain once")
        case (_, 0):
            throw Refusal("it contains '\(separator)' \(separators) times; write DOMAIN\(separator)user")
        default:
            throw Refusal("it contains both '\(separator)' and '@'; write either DOMAIN\(separator)user or user@domain")
        }
    }

    private func separatorScalar() throws(Refusal) -> Unicode.Scalar {
        let scalars = syntax.separator.unicodeScalars
        guard scalars.count == 1, let separator = scalars.first, Self.separators.contains(separator) else {
            let possible = Self.separators.map { String($0) }.joined(separator: " ")
            throw Refusal(
                "the separator of account names is set to '\(String(syntax.separator).printable())', which may be "
                    + "part of a name; set it to one of \(possible)"
            )
        }
        return separator
    }

    /// Refuses what a person does not see before anything else, because it makes every other message hard to believe.
    private func refuseInvisible(in scalars: [Unicode.Scalar]) throws(Refusal) {
        for (index, scalar) in scalars.enumerated() {
            let place = "at position \(index + 1)"
            if scalar == "\u{FFFD}" {
                throw Refusal("it contains U+FFFD \(place): it was not valid UTF-8 where it came from")
            }
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator:
                throw Refusal("it contains the control character \(scalar.notation) \(place)")
            case .format:
                throw Refusal("it contains the invisible character \(scalar.notation) \(place)")
            case .spaceSeparator where scalar != " ":
                throw Refusal("it contains the blank \(scalar.notation) \(place)")
            case .unassigned, .privateUse, .surrogate:
                throw Refusal("it contains \(scalar.notation) \(place), which is no character")
            default:
                continue
            }
        }
    }

    private func checkBare(_ user: ArraySlice<Unicode.Scalar>) throws(Refusal) {
        try refuseBlanksAtTheEdge(of: user, part: "it")
        try refuseNumber(user, part: "it")
        try checkFirst(of: user, part: "it")
        guard user.first?.isASCIIDigit == false else {
            throw Refusal("it begins with a digit, and tools may read it as a number")
        }
        for (index, scalar) in user.enumerated() where !isASCIINamePart(scalar) {
            if scalar == "$", index == user.count - 1 { continue }
            if scalar == " " { throw Refusal("it contains a blank; only names with a domain may") }
            throw Refusal(complaint(about: scalar, part: "it", allowed: "ASCII letters, digits, '_', '-' and '.'"))
        }
        try refuseDotAtTheEnd(of: user, part: "it")
    }

    private func checkQualified(
        user: ArraySlice<Unicode.Scalar>,
        domain: ArraySlice<Unicode.Scalar>
    ) throws(Refusal) {
        guard !domain.isEmpty else { throw Refusal("its domain is empty; write the domain, or the bare name") }
        guard !user.isEmpty else { throw Refusal("its user part is empty; name the user") }
        try checkQualifiedPart(domain, part: "its domain")
        try checkQualifiedPart(user, part: "its user part")
        if let last = domain.last, last == "-" { throw Refusal("its domain ends in '-'") }
        for (left, right) in zip(domain, domain.dropFirst()) where left == "." && right == "." {
            throw Refusal("its domain has an empty label ('..')")
        }
        for (left, right) in zip(user, user.dropFirst()) where left == " " && right == " " {
            throw Refusal("its user part contains two blanks in a row, which look like one")
        }
    }

    private func checkQualifiedPart(_ scalars: ArraySlice<Unicode.Scalar>, part: String) throws(Refusal) {
        let isUser = part == "its user part"
        try refuseBlanksAtTheEdge(of: scalars, part: part)
        try refuseNumber(scalars, part: part)
        try checkFirst(of: scalars, part: part)
        var latin: Unicode.Scalar?
        var other: Unicode.Scalar?
        for (index, scalar) in scalars.enumerated() {
            if isASCIINamePart(scalar) || scalar.isUnambiguousLetter {
                if scalar.isLatin {
                    latin = latin ?? scalar
                } else if !scalar.isASCII {
                    other = other ?? scalar
                }
                continue
            }
            if isUser, scalar == " " { continue }
            if isUser, scalar == "$", index == scalars.count - 1 { continue }
            let blanks = isUser ? ", inner blanks" : ""
            throw Refusal(complaint(about: scalar, part: part, allowed: "letters, digits\(blanks), '_', '-' and '.'"))
        }
        if let latin, let other {
            throw Refusal("\(part) mixes alphabets (\(latin.notation) and \(other.notation)), as lookalikes do")
        }
        try refuseDotAtTheEnd(of: scalars, part: part)
    }

    private func refuseBlanksAtTheEdge(of scalars: ArraySlice<Unicode.Scalar>, part: String) throws(Refusal) {
        if scalars.first == " " { throw Refusal("\(part) begins with a blank; remove it") }
        if scalars.last == " " { throw Refusal("\(part) ends in a blank; remove it") }
    }

    /// Refuses what `strtoul(3)`, `strtod(3)` and their like read as a number: `0`, `0x0`, `1_000`, `1e3`, `1.5`.
    private func refuseNumber(_ scalars: ArraySlice<Unicode.Scalar>, part: String) throws(Refusal) {
        guard scalars.first?.isASCIIDigit == true else { return }
        let prefix = scalars.prefix(2).last
        let isPrefixed = scalars.first == "0" && (prefix == "x" || prefix == "X")
        let reads = scalars.dropFirst(isPrefixed ? 2 : 1)
            .allSatisfy { scalar in
                scalar.isASCIIDigit || ["_", ".", "-", "e", "E"].contains(scalar)
                    || (isPrefixed && ("a"..."f" ~= scalar || "A"..."F" ~= scalar))
            }
        guard !reads else { throw Refusal("\(part) reads as a number; accounts are named, not numbered") }
    }

    private func checkFirst(of scalars: ArraySlice<Unicode.Scalar>, part: String) throws(Refusal) {
        guard let first = scalars.first else { return }
        switch first {
        case "-": throw Refusal("\(part) begins with '-', and tools may read it as an option")
        case "#": throw Refusal("\(part) begins with '#', and sudo reads a user id after it")
        case "+": throw Refusal("\(part) begins with '+', and tools read a number or an NIS entry after it")
        case ".": throw Refusal("\(part) begins with '.', as no account's name does")
        case "$": throw Refusal("\(part) begins with '$', and shells expand what follows")
        default: return
        }
    }

    private func refuseDotAtTheEnd(of scalars: ArraySlice<Unicode.Scalar>, part: String) throws(Refusal) {
        if scalars.last == "." { throw Refusal("\(part) ends in '.', as no account's name does") }
    }

    private func isASCIINamePart(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCIILetter || scalar.isASCIIDigit || scalar == "_" || scalar == "-" || scalar == "."
    }

    private func complaint(about scalar: Unicode.Scalar, part: String, allowed: String) -> String {
        if scalar == "\\" || scalar == "@" {
            let separator = syntax.separator
            let principal = syntax.acceptsPrincipalNames ? " or user@domain" : ""
            return "\(part) contains '\(scalar)'; this site writes DOMAIN\(separator)user\(principal)"
        }
        if scalar == "$" { return "\(part) contains '$' before its end" }
        guard !scalar.isASCII else { return "\(part) contains '\(scalar)'; possible are \(allowed)" }
        if scalar.properties.generalCategory.isLetter, !scalar.isUnambiguousLetter {
            return "\(part) contains \(scalar.notation), which passes for another letter"
        }
        return "\(part) contains \(scalar.notation); possible are \(allowed)"
    }

    private func split(
        _ scalars: [Unicode.Scalar],
        at separator: Unicode.Scalar
    ) -> (ArraySlice<Unicode.Scalar>, ArraySlice<Unicode.Scalar>) {
        guard let index = scalars.firstIndex(of: separator) else { return (scalars[...], []) }
        return (scalars[..<index], scalars[(index + 1)...])
    }

    private func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var result = ""
        result.unicodeScalars.append(contentsOf: scalars)
        return result
    }
}

extension Unicode.GeneralCategory {
    fileprivate var isLetter: Bool {
        switch self {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }
}
