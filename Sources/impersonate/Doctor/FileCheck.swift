import Glibc
import Impersonation
import QubeCompatibility
import SystemPackage

/// The files the configuration names.
struct FileCheck {
    let configuration: WorkerConfiguration

    func findings() -> [Finding] {
        [auditLog, state]
    }

    /// The configuration itself, before there is one to look at.
    static func finding(_ loaded: LoadedConfiguration) -> Finding {
        guard let file = loaded.file else {
            return Finding(
                "configuration",
                .warning,
                "there is no \(WorkerConfiguration.defaultPath): every setting is built-in",
                remedy: "write the file, or name one with --config"
            )
        }
        guard loaded.diagnostics.isEmpty else {
            return Finding(
                "configuration",
                .warning,
                "\(file) is used, with \(loaded.diagnostics.count) warnings",
                remedy: "impersonate config check \(file)"
            )
        }
        return Finding("configuration", .ok, "\(file)")
    }

    /// A configuration that cannot be used.
    static func finding(_ error: ConfigurationError) -> Finding {
        let first = error.diagnostics.first { $0.severity == .error }
        return Finding(
            "configuration",
            .failed,
            first.map { diagnostic in
                (diagnostic.line.map { "\(error.file):\($0)" } ?? "\(error.file)") + ": \(diagnostic.text)"
            } ?? "\(error.file) cannot be used",
            remedy: first?.remedy ?? "impersonate config check \(error.file)"
        )
    }

    private var auditLog: Finding {
        let path = configuration.auditLog.value
        let directory = path.removingLastComponent()
        if configuration.auditLog.source == .builtIn, geteuid() == 0,
            case .missing = Self.look(at: directory)
        {
            return Finding("audit log", .ok, "\(path); its directory is made when it is first needed")
        }
        do throws(AuditLogError) {
            try FileAuditLog.examine(path)
            return Finding("audit log", .ok, "\(path)")
        } catch {
            let parts = error.message.split(separator: ";", maxSplits: 1).map { String($0.drop { $0 == " " }) }
            let number = error.errno.map { ": \($0)" } ?? ""
            return Finding(
                "audit log",
                .failed,
                "\(path) \(parts.first ?? "")\(number)",
                remedy: parts.count > 1 ? parts[1] : "set audit_log to a file in a directory of your own"
            )
        }
    }

    private var state: Finding {
        guard let path = configuration.state.value.databasePath else {
            return Finding("state", .ok, "\(configuration.state.value) is no file of this host")
        }
        let directory = FilePath(path).removingLastComponent()
        let note = "this version keeps grants in memory only"
        switch Self.look(at: directory) {
        case .missing:
            return Finding(
                "state",
                .warning,
                "\(directory) is not there; \(note)",
                remedy: "mkdir -m 0700 \(directory)"
            )
        case .open(let mode):
            return Finding(
                "state",
                .failed,
                "others may write to \(directory) (mode \(mode))",
                remedy: "chmod go-w \(directory)"
            )
        case .foreign(let owner):
            return Finding(
                "state",
                .failed,
                "\(directory) belongs to uid \(owner)",
                remedy: "chown \(geteuid()) \(directory)"
            )
        case .fine:
            return Finding("state", .ok, "\(directory); \(note)")
        }
    }

    private enum Directory {
        case missing
        case open(mode: String)
        case foreign(owner: UInt32)
        case fine
    }

    private static func look(at path: FilePath) -> Directory {
        guard let found = try? Stat(path), found.type == .directory else { return .missing }
        let owner = found.userID.rawValue
        guard owner == 0 || owner == geteuid() else { return .foreign(owner: owner) }
        guard found.permissions.isDisjoint(with: [.groupWrite, .otherWrite]) else {
            return .open(mode: "0" + String(found.permissions.rawValue, radix: 8))
        }
        return .fine
    }
}
