import LaunchPlan
import SystemPackage

/// Whether a directory that is down can look like one that does not know an account or a group.
///
/// glibc answers with what the *last* service of a line of `nsswitch.conf(5)` has said. A remote service in front of a
/// local one fails without a trace.
struct NameServiceOrderCheck {
    private static let databases: Set<Substring> = ["passwd", "group", "initgroups"]

    /// Services that never leave the machine; `compat` may: its lines with `+` are those of NIS.
    private static let local: Set<Substring> = ["files", "db", "systemd", "altfiles", "extrausers"]

    /// The text of the file.
    let text: String

    /// Reads the file of this host; one that is missing means the defaults, which are local.
    static var ofThisHost: NameServiceOrderCheck {
        NameServiceOrderCheck(text: (try? ProcFile.read("/etc/nsswitch.conf")) ?? "")
    }

    func finding() -> Finding {
        let check = "nsswitch.conf"
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let statement = line.prefix { $0 != UInt8(ascii: "#") }
            guard let colon = statement.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let names = Self.words(statement[..<colon])
            guard names.count == 1, let database = names.first, Self.databases.contains(database) else { continue }
            let services = Self.words(statement[statement.index(after: colon)...])
            guard let (index, service) = services.enumerated().first(where: { !isLocal($1) }) else { continue }
            let isLast = services.dropFirst(index + 1).allSatisfy { $0.hasPrefix("[") || !isLocal($0) }
            guard !isLast else { continue }
            return Finding(
                check,
                .warning,
                "\(database): \(service) stands before a local service, so while it is down its accounts and groups look as "
                    + "if they did not exist",
                remedy: service == "compat"
                    ? "write files in place of compat, or put it last on the line" : "put \(service) last on the line"
            )
        }
        return Finding(check, .ok, "a directory that is down does not look like one without the account")
    }

    /// What stands between blanks, byte by byte: a carriage return at the end of a line would be one character with that.
    private static func words(_ text: Substring.UTF8View) -> [Substring] {
        text.split { " \t\r".utf8.contains($0) }.map { Substring($0) }
    }

    private func isLocal(_ service: Substring) -> Bool { Self.local.contains(service) || service.hasPrefix("[") }
}
