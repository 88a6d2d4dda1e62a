import LaunchPlan
import SystemPackage

/// The ids of a process, as far as a job that keeps them could make use of them.
struct ProcessIDs: Sendable, Hashable {
    /// Real, effective, saved and file system user id.
    var users: [UserID]

    /// Real, effective, saved and file system group id.
    var primaryGroups: [GroupID]

    /// The supplementary groups.
    var supplementaryGroups: [GroupID]

    /// The effective user id; the superuser's when the process can go back to that.
    var userID: UserID? { users.first { $0.rawValue == 0 } ?? users.dropFirst().first }

    /// The effective group id.
    var groupID: GroupID? { primaryGroups.dropFirst().first }

    /// The ids of this process, from `/proc/self/status`; see `proc_pid_status(5)`.
    ///
    /// - Returns: The ids.
    /// - Throws: `Errno` when the file cannot be read or does not have the ids.
    static func current() throws(Errno) -> ProcessIDs {
        guard let ids = ProcessIDs(status: try ProcFile.read("/proc/self/status")) else { throw .badMessage }
        return ids
    }

    /// Reads the text of `/proc/PID/status`.
    ///
    /// - Parameter status: The text. Without the lines `Uid`, `Gid` and `Groups`, or with anything else than numbers
    ///   in them, it makes `nil`.
    init?(status: String) {
        var lines: [Substring: [UInt32]] = [:]
        for line in status.utf8.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let name = Substring(line[..<colon])
            guard ["Uid", "Gid", "Groups"].contains(name) else { continue }
            let words = line[line.index(after: colon)...].split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            let numbers = words.compactMap { UInt32(Substring($0)) }
            guard numbers.count == words.count, lines.updateValue(numbers, forKey: name) == nil else { return nil }
        }
        guard let users = lines["Uid"], users.count == 4, let groups = lines["Gid"], groups.count == 4,
            let supplementary = lines["Groups"]
        else { return nil }
        self.users = users.map { UserID(rawValue: $0) }
        self.primaryGroups = groups.map { GroupID(rawValue: $0) }
        self.supplementaryGroups = supplementary.map { GroupID(rawValue: $0) }
    }
}
