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

    /// Name, state, parent and session of a process in one line.
    static func description(of process: pid_t) -> String {
        guard let line = ProcessFile.text("/proc/\(process)/stat") else { return "\(process) (gone)" }
        return line.split(separator: " ").prefix(6).joined(separator: " ")
    }

    private static func entries(of directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    }
}
