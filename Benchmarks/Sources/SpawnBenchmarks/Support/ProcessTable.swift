import FoundationEssentials
import Glibc

/// What `/proc` says of processes.
enum ProcessTable {
    /// The children of a process, all its threads' together; zombies are among them.
    static func children(of process: pid_t) -> [pid_t] {
        entries(of: "/proc/\(process)/task")
            .flatMap { thread in
                (ProcessFile.text("/proc/\(process)/task/\(thread)/children") ?? "").split(separator: " ")
                    .compactMap { pid_t($0) }
            }
    }

    /// What the descriptors of a process are, by their numbers.
    static func descriptors(of process: pid_t) -> [String: String] {
        var links: [String: String] = [:]
        for name in entries(of: "/proc/\(process)/fd") {
            // That of the directory itself, if it is this process's, is gone by now.
            links[name] = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\(name)")
        }
        return links
    }

    /// The processes that have a user id as their real one, zombies among them.
    static func processes(ofUser user: uid_t) -> [pid_t] {
        entries(of: "/proc").compactMap { pid_t($0) }
            .filter { process in
                let line = ProcessFile.text("/proc/\(process)/status").flatMap { ProcessFile.field("Uid", of: $0) }
                return line?.split(whereSeparator: \.isWhitespace).first.flatMap { uid_t($0) } == user
            }
    }

    /// How many processes of a user run or wait for a processor, and in how many sessions.
    ///
    /// With `kernel.sched_autogroup_enabled` each session has a share of the machine's time of its own.
    static func runnable(ofUser user: uid_t) -> (processes: Int, sessions: Int) {
        var sessions: [Substring] = []
        for process in entries(of: "/proc").compactMap({ pid_t($0) }) {
            var facts = stat()
            guard unsafe stat("/proc/\(process)", &facts) == 0, facts.st_uid == user,
                let line = ProcessFile.text("/proc/\(process)/stat"), let name = line.lastIndex(of: ")")
            else { continue }
            // State, parent, process group and session follow the name.
            let fields = line[line.index(after: name)...].split(separator: " ", maxSplits: 4)
            if fields.count > 3, fields[0] == "R" { sessions.append(fields[3]) }
        }
        return (sessions.count, Set(sessions).count)
    }

    /// Name, state, parent and session of a process in one line.
    static func description(of process: pid_t) -> String {
        guard let line = ProcessFile.text("/proc/\(process)/stat") else { return "\(process) (gone)" }
        return line.split(separator: " ").prefix(6).joined(separator: " ")
    }

    private static func entries(of directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    }
}
