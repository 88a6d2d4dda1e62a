import LaunchPlan
import LaunchProtocol
import SystemPackage

/// Gives the settings of a policy file their meaning, and collects everything that is wrong with them.
struct PolicyInterpreter<Names: PolicyNames> {
    let file: PolicyFile
    let names: Names
    var problems: [PolicyProblem] = []

    init(_ file: PolicyFile, names: Names) {
        self.file = file
        self.names = names
    }

    /// Throws what was found, in the order of the lines.
    func finish() throws(PolicyError) {
        guard !problems.isEmpty else { return }
        throw PolicyError(
            problems.enumerated()
                .sorted { ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset) }
                .map(\.element)
        )
    }

    mutating func complain(_ code: PolicyProblem.Code, line: Int, _ text: String, _ remedy: String) {
        problems.append(PolicyProblem(code, file.path, line: line, text, remedy))
    }

    /// The value of a key that has exactly one; `nil` when the key is not set, or wrongly.
    private mutating func single(_ key: PolicyKey, _ remedy: String) -> (word: PolicyWord, line: Int)? {
        guard let entry = file.entries[key], let word = entry.values.first else { return nil }
        guard entry.values.count == 1 else {
            complain(
                .invalidValue,
                line: entry.line,
                "\(key.rawValue.quoted) has \(entry.values.count) values",
                remedy
            )
            return nil
        }
        return (word, entry.line)
    }

    mutating func number(_ key: PolicyKey, in range: ClosedRange<UInt32>, default value: UInt32) -> UInt32 {
        let remedy = "write a number from \(range.lowerBound) to \(range.upperBound)"
        guard let (word, line) = single(key, remedy) else { return value }
        guard case .number(let number) = PolicyNumber(word.text), !word.isQuoted, range.contains(number) else {
            complain(
                .invalidValue,
                line: line,
                "\(key.rawValue.quoted) cannot be \(word.text.quoted)",
                remedy
            )
            return value
        }
        return number
    }

    mutating func choice(_ key: PolicyKey, forbidden: String, permitted: String) -> PolicyDecision {
        let remedy = "write \(forbidden.quoted) or \(permitted.quoted), without the quotes"
        guard let (word, line) = single(key, remedy) else { return .forbidden }
        if word == PolicyWord(text: permitted, isQuoted: false) { return .permitted }
        if word == PolicyWord(text: forbidden, isQuoted: false) { return .forbidden }
        complain(.invalidValue, line: line, "\(key.rawValue.quoted) cannot be \(word.text.quoted)", remedy)
        return .forbidden
    }

    mutating func directory(_ key: PolicyKey) -> FilePath? {
        guard let (word, line) = single(key, "write one absolute path") else { return nil }
        return path(word, key, line: line)
    }

    mutating func executableDirectories() -> ExecutableCheck? {
        guard let entry = file.entries[.executableDirectories] else { return nil }
        if isEverything(entry) { return nil }
        // Whatever is wrong: none of it permits every program.
        return ExecutableCheck(
            directories: entry.values.compactMap { path($0, .executableDirectories, line: entry.line) }
        )
    }

    /// Names of variables.
    ///
    /// Those that a shell, a loader or an interpreter obeys can be none, and those of the account are permitted anyway.
    mutating func variables() -> Set<String> {
        guard let entry = file.entries[.environment] else { return [] }
        for word in entry.values
        where !EnvironmentDangers.isName(word.text.utf8) || EnvironmentDangers.isDangerous(word.text, "")
            || EnvironmentDangers.ofTheAccount.contains(word.text)
        {
            complain(
                .invalidValue,
                line: entry.line,
                "\(PolicyKey.environment.rawValue.quoted) cannot be \(word.text.quoted)",
                "name variables of letters, digits and underscores that no shell, loader or interpreter obeys"
            )
        }
        return Set(entry.values.map(\.text))
    }

    /// Names of PAM services.
    mutating func services() -> [String] {
        guard let entry = file.entries[.sessionServices] else { return [] }
        for word in entry.values where !ServiceName.isValid(word.text.utf8) {
            complain(
                .invalidValue,
                line: entry.line,
                "\(PolicyKey.sessionServices.rawValue.quoted) cannot be \(word.text.quoted)",
                "name files of /etc/pam.d: small letters, digits, '-', '_' and '.', the first a letter or a digit"
            )
        }
        return entry.values.map(\.text)
    }

    mutating func sessionDemand() -> SessionDemand {
        let words = SessionDemand.allCases.map(\.rawValue.quoted).joined(separator: ", ")
        let remedy = "write one of \(words), without the quotes"
        guard let (word, line) = single(.sessionDemand, remedy) else { return .optional }
        guard let demand = SessionDemand(rawValue: word.text), !word.isQuoted else {
            complain(
                .invalidValue,
                line: line,
                "\(PolicyKey.sessionDemand.rawValue.quoted) cannot be \(word.text.quoted)",
                remedy
            )
            return .authenticated
        }
        return demand
    }

    private mutating func path(_ word: PolicyWord, _ key: PolicyKey, line: Int) -> FilePath? {
        let path = FilePath(word.text)
        guard path.isAbsolute, !path.components.isEmpty, path.components.allSatisfy({ $0.kind == .regular }) else {
            complain(
                .invalidValue,
                line: line,
                "\(key.rawValue.quoted) cannot be \(word.text.quoted)",
                "write an absolute path of a directory below the root, without '.' and '..'"
            )
            return nil
        }
        return path
    }

    /// Whether the values are a single `*`; another `*` among them is left for the complaint about names.
    func isEverything(_ entry: PolicyFile.Entry) -> Bool {
        entry.values == [PolicyWord(text: "*", isQuoted: false)]
    }
}
