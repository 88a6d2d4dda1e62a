import Impersonation
import SystemPackage

/// Turns the statements of a file into a configuration: knows the keys, and which value each of them takes.
///
/// A later assignment beats an earlier one, whichever file it stands in: several files meet here by handing over
/// theirs in the order of precedence.
struct ConfigurationInterpreter {
    private typealias Assignment = ConfigurationStatement.Assignment

    /// An assignment that counts, and its file.
    private struct Setting {
        let assignment: Assignment
        let file: FilePath
    }

    /// With more unknown keys than this, a file is something else.
    private static let maximumUnknownKeys = 100

    private var unknownKeys = 0
    private var settings: [String: Setting] = [:]
    private var otherKeys: [Sourced<String>] = []
    private(set) var diagnostics: [ConfigurationDiagnostic] = []
    private var configuration = WorkerConfiguration()

    private init() {}

    /// Gives the statements of a local file their meaning.
    ///
    /// - Parameter document: The file.
    /// - Returns: The configuration, of no use when one of the diagnostics is an error, and every diagnostic of the
    ///   file in the order of its lines.
    static func interpret(
        _ document: ConfigurationDocument
    ) -> (configuration: WorkerConfiguration, diagnostics: [ConfigurationDiagnostic]) {
        var interpreter = ConfigurationInterpreter()
        for statement in document.statements {
            switch statement {
            case .section(let section): interpreter.refuse(section, in: document.file)
            case .assignment(let assignment): interpreter.collect(assignment, from: document.file)
            }
        }
        interpreter.readAll()
        let diagnostics = (document.diagnostics + interpreter.diagnostics)
            .enumerated()
            .sorted { ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset) }
            .map(\.element)
        return (interpreter.configuration, diagnostics)
    }

    private mutating func refuse(_ section: ConfigurationStatement.Section, in file: FilePath) {
        diagnostics.append(
            ConfigurationDiagnostic(
                .error,
                .sectionNotAllowed,
                file: file,
                line: section.line,
                text: "section [\(printable(section.name))] in a local file, which has none",
                remedy: "remove the header, or move the section to the central file qbwrk.conf"
            )
        )
    }

    private mutating func collect(_ assignment: Assignment, from file: FilePath) {
        let setting = Setting(assignment: assignment, file: file)
        guard let key = ConfigurationKeys.all[assignment.key] else { return reportUnknown(setting) }
        requireNoSettingWithin(setting)
        if let earlier = settings.updateValue(setting, forKey: key.name), earlier.file == file {
            // For Qube!'s own keys the last line counts. Of a list of this library's the first would be lost without a word.
            report(
                key.owner == .library && key.decidesIdentity ? .error : .warning,
                .duplicateKey,
                at: setting,
                "\(key.name) is set again and replaces line \(earlier.assignment.line)",
                "remove one of the two lines"
            )
        }
        guard !key.isHeeded else { return }
        requireDoubleQuotes(setting, severity: .warning)
        let source = RuleSource.file(file, line: assignment.line)
        if let index = otherKeys.firstIndex(where: { $0.value == key.name }) {
            otherKeys[index].source = source
        } else {
            otherKeys.append(Sourced(key.name, from: source))
        }
    }

    private mutating func reportUnknown(_ setting: Setting) {
        unknownKeys += 1
        guard unknownKeys <= Self.maximumUnknownKeys else {
            if unknownKeys == Self.maximumUnknownKeys + 1 {
                report(
                    .error,
                    .unknownKey,
                    at: setting,
                    "this is unknown key number \(unknownKeys), and no more are looked at",
                    "make sure that this is a worker's configuration"
                )
            }
            return
        }
        let key = printable(setting.assignment.key, limit: 64)
        guard let guess = ConfigurationKeys.guess(setting.assignment.key) else {
            report(
                .warning,
                .unknownKey,
                at: setting,
                "unknown key \(key), which is ignored",
                "remove it or correct its spelling"
            )
            return
        }
        guard guess.decidesIdentity else {
            report(
                .warning,
                .unknownKey,
                at: setting,
                "unknown key \(key), did you mean \(guess.name)? It is ignored",
                "correct its spelling or remove it"
            )
            return
        }
        report(
            .error,
            .unknownKey,
            at: setting,
            "unknown key \(key), did you mean \(guess.name)? Ignoring it could change whom jobs run as",
            "correct its spelling or remove it"
        )
    }

    /// A forgotten closing brace makes the settings up to the next one part of the value, without anybody noticing.
    private mutating func requireNoSettingWithin(_ setting: Setting) {
        guard setting.assignment.value.form == .block else { return }
        for line in setting.assignment.value.text.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            let name = String(decoding: Array(line[..<equals].utf8)[...].trimmed, as: UTF8.self)
            guard ConfigurationKeys.all[name] != nil else { continue }
            report(
                .error,
                .unterminatedBrace,
                at: setting,
                "the setting \(name) stands between the braces opened here",
                "close the braces before it"
            )
        }
    }

    @discardableResult
    private mutating func requireDoubleQuotes(
        _ setting: Setting,
        severity: ConfigurationDiagnostic.Severity
    ) -> Bool {
        guard setting.assignment.value.form == .singleQuoted else { return true }
        report(
            severity,
            .singleQuotes,
            at: setting,
            "the value of \(setting.assignment.key) is in single quotes, which would be part of it",
            "use double quotes"
        )
        return false
    }

    private mutating func readAll() {
        // First, because the other names of accounts are read with it.
        read("domain_separator", \.domainSeparator) { text throws(SettingProblem) in
            try SettingGrammar.separator(text)
        }
        let syntax = configuration.nameSyntax
        read("proxy_execution_mode", \.proxyExecutionMode) { text throws(SettingProblem) in
            try SettingGrammar.word(text)
        }
        read("proxy_account", \.proxyAccount) { text throws(SettingProblem) in
            try SettingGrammar.bareAccount(text, key: "proxy_account", syntax: syntax)
        }
        read("proxy_password", \.proxyPassword) { text in
            ParsedSetting(text.isEmpty ? nil : OpaqueSecretText(text))
        }
        read("worker_host_domain", \.hostDomain) { text throws(SettingProblem) in try SettingGrammar.domain(text) }
        read("proxy_nice_value", \.niceValue) { text throws(SettingProblem) in try SettingGrammar.niceValue(text) }
        read("service_mode", \.serviceMode) { text throws(SettingProblem) in try SettingGrammar.word(text) }
        read("launch_backend", \.launchBackend) { text throws(SettingProblem) in try SettingGrammar.word(text) }
        read("pam_service", \.pamService) { text throws(SettingProblem) in try SettingGrammar.pamService(text) }
        read("minimum_uid", \.minimumUserID) { text throws(SettingProblem) in
            try SettingGrammar.minimumUserID(text)
        }
        read("denied_accounts", \.deniedAccounts) { text throws(SettingProblem) in
            try SettingGrammar.accounts(text, syntax: syntax)
        }
        read("allowed_accounts", \.allowedAccounts) { text throws(SettingProblem) in
            try Self.allowing(SettingGrammar.accounts(text, syntax: syntax))
        }
        read("denied_groups", \.deniedGroups) { text throws(SettingProblem) in try SettingGrammar.groups(text) }
        read("allowed_groups", \.allowedGroups) { text throws(SettingProblem) in
            try Self.allowing(SettingGrammar.groups(text))
        }
        read("visible_domains", \.visibleDomains) { text throws(SettingProblem) in
            try SettingGrammar.domains(text)
        }
        read("environment", \.environment) { text throws(SettingProblem) in try SettingGrammar.word(text) }
        read("state", \.state) { text throws(SettingProblem) in try SettingGrammar.state(text) }
        read("audit_log", \.auditLog) { text throws(SettingProblem) in try SettingGrammar.path(text) }
        configuration.otherKeys = otherKeys
        settleBackend()
    }

    /// An empty list of what is allowed could mean everything or nothing; neither is guessed.
    private static func allowing<Element: Sendable>(
        _ list: ParsedSetting<[Element]>
    ) throws(SettingProblem) -> ParsedSetting<[Element]?> {
        guard !list.value.isEmpty else {
            throw SettingProblem(
                .invalidValue,
                "the list is empty, which would allow nobody",
                remedy: "name what is allowed, or remove the key to allow all that is not denied"
            )
        }
        return ParsedSetting(list.value, warning: list.warning)
    }

    /// Reads one key into its place, when the file sets it.
    private mutating func read<Value: Sendable>(
        _ key: String,
        _ place: WritableKeyPath<WorkerConfiguration, Sourced<Value>>,
        _ parse: (String) throws(SettingProblem) -> ParsedSetting<Value>
    ) {
        guard let setting = settings[key], requireDoubleQuotes(setting, severity: .error) else { return }
        let assignment = setting.assignment
        guard assignment.value.form != .block else {
            report(
                .error,
                .invalidValue,
                at: setting,
                "\(key) takes one value and no braces",
                "write \(key) = value on one line"
            )
            return
        }
        guard assignment.value.text.unicodeScalars.allSatisfy(\.isVisibleOrSpace) else {
            report(
                .error,
                .controlCharacter,
                at: setting,
                "\(key): the value contains a character that cannot be seen",
                "type the value again, with ordinary blanks only"
            )
            return
        }
        do {
            let parsed = try parse(assignment.value.text)
            configuration[keyPath: place] = Sourced(parsed.value, from: .file(setting.file, line: assignment.line))
            if let warning = parsed.warning { report(.warning, warning, at: setting) }
        } catch {
            report(.error, error, at: setting)
        }
    }

    /// In desktop mode nothing is switched, so nothing but the current account can be meant; and nowhere else.
    private mutating func settleBackend() {
        guard configuration.serviceMode.value == .desktop else {
            refuseCurrentBackend()
            return
        }
        if let setting = settings["launch_backend"], configuration.launchBackend.value != .current {
            report(
                .error,
                .conflict,
                at: setting,
                "launch_backend = \(configuration.launchBackend.value.rawValue) contradicts service_mode = desktop, "
                    + "where no account is switched (\(configuration.serviceMode.source))",
                "remove launch_backend, or write service_mode = service"
            )
        }
        if settings["launch_backend"] == nil {
            configuration.launchBackend = Sourced(.current, from: configuration.serviceMode.source)
        }
    }

    /// Jobs of a service are to be switched to their accounts, and are refused by a backend that does not.
    private mutating func refuseCurrentBackend() {
        guard let setting = settings["launch_backend"], configuration.launchBackend.value == .current else { return }
        // A mode that cannot be read may have been the other one.
        guard settings["service_mode"] == nil || configuration.serviceMode.source != .builtIn else { return }
        report(
            .error,
            .conflict,
            at: setting,
            "the backend current starts only jobs that keep the worker's account (service_mode = desktop)",
            "set that, or use launch_backend = setuid, which needs no privilege for jobs of the worker's own account"
        )
    }

    private mutating func report(
        _ severity: ConfigurationDiagnostic.Severity,
        _ problem: SettingProblem,
        at setting: Setting
    ) {
        report(severity, problem.code, at: setting, "\(setting.assignment.key): \(problem.text)", problem.remedy)
    }

    private mutating func report(
        _ severity: ConfigurationDiagnostic.Severity,
        _ code: ConfigurationDiagnostic.Code,
        at setting: Setting,
        _ text: String,
        _ remedy: String
    ) {
        diagnostics.append(
            ConfigurationDiagnostic(
                severity,
                code,
                file: setting.file,
                line: setting.assignment.line,
                text: text,
                remedy: remedy
            )
        )
    }
}
