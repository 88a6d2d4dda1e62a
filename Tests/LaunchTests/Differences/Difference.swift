import Glibc

/// Something that a user can observe and that depends on the way a job is started.
enum Difference: String, CaseIterable, Codable, Sendable {
    case home = "`HOME`"
    case userName = "`USER`, `LOGNAME`"
    case shell = "`SHELL`"
    case path = "`PATH`"
    case variables = "other variables"
    case directory = "starts in"
    case mask = "umask"
    case openFiles = "open files, soft"
    case niceness = "nice value"
    case groups = "groups"
    case capabilities = "capabilities"
    case bounding = "capability bounding set"
    case noNewPrivileges = "may gain privileges"
    case descriptors = "descriptors above 2"
    case session = "session"
    case processGroup = "process group"
    case parent = "parent"
    case ignored = "ignored signals"
    case blocked = "blocked signals"
    case keyring = "session keyring"
    case handedDown = "login id, cgroup"
    case exit = "`exit 1`"
    case killed = "killed by `SIGKILL`"
    case missing = "no such program"

    /// What a probe says of most of them.
    ///
    /// - Parameters:
    ///   - report: What the probe was.
    ///   - person: Whom it ran as.
    /// - Returns: The cells of a column.
    static func cells(_ report: ProbeReport, as person: TestBed.Person) -> [Difference: String] {
        let variables = report.variables
        func origin(_ name: String, of account: String) -> String {
            switch variables[name] {
            case account: "account's"
            case UnusualDaemon.environment[name]: "daemon's"
            case nil: "none"
            default: "fixed"
            }
        }
        func choose(_ cases: [(Bool, String)], else other: String) -> String {
            cases.first { $0.0 }?.1 ?? other
        }
        let names = ["USER", "LOGNAME"].map { origin($0, of: person.name) }
        let openFiles = report.limits["openFiles"]?.soft
        let isInDaemonsGroup = report.groups.contains(UnusualDaemon.group)
        var capabilities = report.capabilities
        capabilities.bounding = 0
        let above = report.descriptors.map(\.number).filter { $0 > 2 }
        return [
            .home: origin("HOME", of: person.home),
            .userName: Set(names).count == 1 ? names[0] : names.joined(separator: ", "),
            .shell: origin("SHELL", of: "/bin/bash"),
            .path: origin("PATH", of: ""),
            .variables: others(variables),
            .directory: choose(
                [
                    (report.workingDirectory == person.home, "home"),
                    (report.workingDirectory == UnusualDaemon.directory, "daemon's"),
                ],
                else: "elsewhere"
            ),
            .mask: report.umask == UInt32(UnusualDaemon.mask) ? "daemon's" : "0" + String(report.umask, radix: 8),
            .openFiles: choose(
                [(openFiles == UnusualDaemon.openFiles, "daemon's")],
                else: openFiles.map { "\($0)" } ?? "unlimited"
            ),
            .groups: choose(
                [(report.groups == person.groups, "account's"), (isInDaemonsGroup, "daemon's too")],
                else: "others"
            ),
            .capabilities: capabilities == .none ? "none" : "some",
            .bounding: report.capabilities.bounding == 0 ? "empty" : "kept",
            .noNewPrivileges: report.noNewPrivileges ? "no" : "yes",
            .descriptors: choose(
                [(above.isEmpty, "none"), (above.contains(UnusualDaemon.descriptor), "daemon's")],
                else: "others"
            ),
            .session: place(report.session, report, daemon: getsid(0)),
            .processGroup: place(report.processGroup, report, daemon: getpgrp()),
            .parent: report.parent == getpid() ? "daemon" : "another",
            .ignored: signals(report.signals.ignored, UnusualDaemon.ignored),
            .blocked: signals(report.signals.blocked, UnusualDaemon.blocked),
            .keyring: keyring(report.sessionKeyring),
        ]
    }

    private static func others(_ variables: [String: String]) -> String {
        var names = Set(variables.keys).subtracting(["HOME", "USER", "LOGNAME", "SHELL", "PATH"])
        let daemons = names.intersection(UnusualDaemon.environment.keys)
        names.subtract(daemons)
        // What a shell between the two sets for itself is the shell's.
        names.subtract(["PWD", "OLDPWD", "SHLVL", "_"])
        let described = Set(names.map { $0.hasPrefix("SUDO_") ? "`SUDO_*`" : "`\($0)`" }).sorted()
        let parts = (daemons.isEmpty ? [] : ["daemon's"]) + described
        return parts.isEmpty ? "none" : parts.joined(separator: ", ")
    }

    private static func place(_ value: Int32, _ report: ProbeReport, daemon: Int32) -> String {
        value == report.process ? "own" : value == daemon ? "daemon's" : "another's"
    }

    private static func signals(_ found: [Int], _ daemon: Int32) -> String {
        // glibc leaves the two it keeps for itself ignored in children of posix_spawn(3).
        let found = found.filter { ![32, 33].contains($0) }
        return found.isEmpty ? "none" : found == [Int(daemon)] ? "daemon's" : "others"
    }

    private static func keyring(_ description: String?) -> String {
        guard let name = description?.split(separator: ";").last else { return "none" }
        switch name {
        case "_ses": return "fresh"
        case Substring(UnusualDaemon.keyring): return "daemon's"
        // The one that the kernel gives to processes of a user that have none, which the daemon is.
        default: return getuid() == TestBed.alice.userID ? "daemon's" : "user's"
        }
    }
}
