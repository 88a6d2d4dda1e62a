import Foundation

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
        NameServiceOrderCheck(text: (try? String(contentsOfFile: "/etc/nsswitch.conf", encoding: .utf8)) ?? "")
    }

    func finding() -> Finding {
        let check = "nsswitch.conf"
        for line in text.split(separator: "\n") {
            let parts = line.prefix { $0 != "#" }.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let database = parts[0].trimmingCharacters(in: .whitespaces)
            guard Self.databases.contains(Substring(database)) else { continue }
            let services = parts[1].split { $0 == " " || $0 == "\t" }
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

    private func isLocal(_ service: Substring) -> Bool { Self.local.contains(service) || service.hasPrefix("[") }
}
