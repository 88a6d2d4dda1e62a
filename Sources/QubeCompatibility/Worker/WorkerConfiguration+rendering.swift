import Impersonation
import SystemPackage

extension WorkerConfiguration {
    /// The configuration as the text of a file: every key that counts, its value, and in a comment where it was set.
    ///
    /// The text can be loaded again and then says the same, secrets apart: a setting that holds one becomes a comment.
    ///
    /// - Returns: Lines that each end in a line feed.
    public func rendered() -> String {
        var rows = settings.map { setting in
            guard let value = setting.value else { return Row("# \(setting.key) is not set", setting.source) }
            let assignment = "\(setting.key) = \(Self.spelt(value))"
            return Row(setting.isSecret ? "# \(assignment)" : assignment, setting.source)
        }
        rows += otherKeys.map {
            Row("# \($0.value) is not used here", ConfigurationReport.Source($0.source))
        }
        let width = min(56, rows.map(\.text.count).max() ?? 0)
        return
            rows.map { row in
                let padding = String(repeating: " ", count: max(0, width - row.text.count))
                return "\(row.text)\(padding)  # \(row.place)\n"
            }
            .joined()
    }

    private struct Row {
        let text: String
        let place: String

        init(_ text: String, _ source: ConfigurationReport.Source) {
            self.text = text
            let origin = printable(source.origin)
            place = source.line.map { "\(origin):\($0)" } ?? origin
        }
    }

    /// A value as a file spells it: between quotes where it would mean something else without them.
    private static func spelt(_ value: String) -> String {
        let bytes = Array(value.utf8)[...]
        let isPlain =
            !bytes.isEmpty && bytes.trimmed == bytes && bytes.allSatisfy { $0 != .numberSign && $0 != .doubleQuote }
            && bytes.first != .openBrace && bytes.first != .singleQuote
        guard !isPlain else { return value }
        let escaped = value.reduce(into: "") { text, character in
            if character == "\\" || character == "\"" { text.append("\\") }
            text.append(character)
        }
        return "\"\(escaped)\""
    }

    /// Every key that counts, in the order of ``ConfigurationKeys/heeded``.
    var settings: [ConfigurationReport.Setting] {
        [
            setting("proxy_execution_mode", proxyExecutionMode) { $0.rawValue },
            setting("proxy_account", proxyAccount) { $0 },
            setting("proxy_password", proxyPassword, isSecret: true) { $0?.description },
            setting("worker_host_domain", hostDomain) { $0 },
            setting("proxy_nice_value", niceValue) { String($0) },
            setting("service_mode", serviceMode) { $0.rawValue },
            setting("launch_backend", launchBackend) { $0.rawValue },
            setting("pam_service", pamService) { $0 },
            setting("minimum_uid", minimumUserID) { String($0) },
            setting("denied_accounts", deniedAccounts) { Self.list($0.map(\.spelling)) },
            setting("allowed_accounts", allowedAccounts) { $0.flatMap { Self.list($0.map(\.spelling)) } },
            setting("denied_groups", deniedGroups) { Self.list($0.map(Self.spelt)) },
            setting("allowed_groups", allowedGroups) { $0.flatMap { Self.list($0.map(Self.spelt)) } },
            setting("visible_domains", visibleDomains, Self.list),
            setting("domain_separator", domainSeparator) { String($0) },
            setting("environment", environment) { $0.rawValue },
            setting("state", state, isSecret: state.value.holdsSecret) { $0.description },
            setting("audit_log", auditLog) { $0.string },
        ]
    }

    private func setting<Value: Sendable>(
        _ key: String,
        _ setting: Sourced<Value>,
        isSecret: Bool = false,
        _ spell: (Value) -> String?
    ) -> ConfigurationReport.Setting {
        ConfigurationReport.Setting(
            key: key,
            value: spell(setting.value),
            isSecret: isSecret,
            source: ConfigurationReport.Source(setting.source)
        )
    }

    private static func spelt(_ group: GroupReference) -> String {
        switch group {
        case .named(let name): name
        case .id(let id): String(id.rawValue)
        }
    }

    private static func list(_ names: [String]) -> String? {
        names.isEmpty ? nil : names.joined(separator: ",")
    }
}
