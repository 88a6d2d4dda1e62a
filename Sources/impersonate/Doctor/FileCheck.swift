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
                "\(file) can be used, with \(loaded.diagnostics.count) warning\(loaded.diagnostics.count == 1 ? "" : "s")",
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
        if configuration.auditLog.source == .builtIn, geteuid() == 0, !Self.isDirectory(directory) {
            return Finding("audit log", .ok, "\(path); its directory is made when it is first needed")
        }
        do throws(AuditLogError) {
            try FileAuditLog.examine(path)
            return Finding("audit log", .ok, "\(path)")
        } catch {
            let number = error.errno.map { ": \($0)" } ?? ""
            let remedy = "set audit_log to a file in a directory of your own"
            var finding = Finding("audit log", .failed, saying: error.message, else: remedy)
            finding.found = "\(path) \(finding.found)\(number)"
            return finding
        }
    }

    /// Nothing is kept there, so nothing about it keeps a command from running.
    private var state: Finding {
        let state = configuration.state
        let note = "this version keeps nothing there: grants are those of the program that embeds the library"
        guard state.source == .builtIn else {
            return Finding("state", .warning, "\(state.value) (\(state.source)): \(note)", remedy: "leave the key out")
        }
        return Finding("state", .ok, note)
    }

    private static func isDirectory(_ path: FilePath) -> Bool {
        (try? Stat(path))?.type == .directory
    }
}
