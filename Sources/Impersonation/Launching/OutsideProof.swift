import LaunchPlan
import SystemPackage

/// The proof from outside: what the kernel tells anybody of a process, compared with what was asked for.
///
/// The process is a child of this one that nobody has reaped, so its id is its own even if it has ended.
/// The corresponding man page is `proc_pid_status(5)`.
struct OutsideProof {
    let credentials: ChildPlan.Credentials
    let noNewPrivileges: Bool
    let emptyBoundingSet: Bool

    /// Fork-no-exec of `include/linux/sched.h`: set by a clone, cleared by an exec, kept by a zombie.
    private static let hasNotExecuted: UInt64 = 0x40

    /// Whether a child has come as far as an exec.
    ///
    /// The clone has come back, so a child that still lives has; only of one that has ended it is not known.
    ///
    /// - Parameter processID: The child.
    /// - Returns: Whether it is another program by now, or was one when it ended.
    /// - Throws: `Errno` when `/proc` does not say.
    static func hasExecuted(_ processID: Int32) throws(Errno) -> Bool {
        let text = try ProcFile.read(FilePath("/proc/\(processID)/stat"))
        // The name in parentheses may hold anything; the fields follow the last one.
        guard let end = text.lastIndex(of: ")") else { throw .ioError }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 6, let flags = UInt64(fields[6]) else { throw .ioError }
        return flags & hasNotExecuted == 0
    }

    /// Compares a child with what it was to become.
    ///
    /// - Parameter processID: The child.
    /// - Returns: What differs, for a person; `nil` when nothing does.
    /// - Throws: `Errno` when `/proc` does not say.
    func difference(of processID: Int32) throws(Errno) -> String? {
        let status = try ProcFile.read(FilePath("/proc/\(processID)/status"))
        var fields: [Substring: [Substring]] = [:]
        for line in status.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon]] = line[line.index(after: colon)...].split { $0 == " " || $0 == "\t" }
        }
        // A job that may gain privileges can have run a set-user-id program by now: only its real ids are its own.
        let compared = noNewPrivileges ? 4 : 1
        let user = String(credentials.userID)
        let group = String(credentials.groupID)
        if fields["Uid"]?.prefix(compared).map(String.init) != Array(repeating: user, count: compared) {
            return "its user ids are not \(user)"
        }
        if fields["Gid"]?.prefix(compared).map(String.init) != Array(repeating: group, count: compared) {
            return "its group ids are not \(group)"
        }
        if fields["Groups"]?.compactMap({ UInt32($0) }) != credentials.groups {
            return "its supplementary groups are not the account's"
        }
        guard noNewPrivileges else { return nil }
        if fields["NoNewPrivs"]?.first != "1" { return "it may gain privileges" }
        let empty = ["CapInh", "CapPrm", "CapEff", "CapAmb"] + (emptyBoundingSet ? ["CapBnd"] : [])
        for name in empty where fields[Substring(name)]?.first?.allSatisfy({ $0 == "0" }) != true {
            return "its capabilities (\(name)) are not empty"
        }
        return nil
    }
}
