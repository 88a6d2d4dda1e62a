import Glibc
import LaunchPlan
import SystemPackage

/// The proof from outside: what the kernel tells anybody of a process, compared with what was asked for.
///
/// The process is a child of this one that nobody has reaped, so its id is its own even if it has ended.
/// The corresponding man page is `proc_pid_status(5)`.
struct OutsideProof {
    let credentials: ChildPlan.Credentials
    let emptyBoundingSet: Bool

    /// Fork-no-exec of `include/linux/sched.h`: set by a clone, cleared by an exec, kept by a zombie.
    private static let hasNotExecuted: UInt64 = 0x40

    /// Exiting: set before a process lets go of its memory (`do_exit` of `kernel/exit.c`), kept by a zombie.
    private static let isExiting: UInt64 = 0x4

    /// Whether a child has come as far as an exec, which its clone need not have come back from.
    ///
    /// - Parameter processID: The child, which nobody reaps meanwhile.
    /// - Returns: Whether it is another program by now, or was one when it ended.
    /// - Throws: `Errno` when `/proc` does not say.
    static func hasExecuted(_ processID: Int32) throws(Errno) -> Bool {
        try ProcessStat(of: processID).flags & hasNotExecuted == 0
    }

    /// Whether a child whose clone has come back is in its exec or behind it.
    ///
    /// A clone comes back when the child lets go of the memory that the two share. That is in the middle of an exec, past its point of
    /// no return and some locks before the mark of a clone is cleared (`begin_new_exec` of `fs/exec.c`), or in the middle of an
    /// exit, some time before the child is a zombie, for one that was killed before its exec.
    ///
    /// - Parameter processID: The child, which nobody reaps meanwhile.
    /// - Returns: Whether it is another program, is becoming one, or was one when it ended.
    /// - Throws: `Errno` when `/proc` does not say.
    static func hasExecuted(afterCloneOf processID: Int32) throws(Errno) -> Bool {
        let flags = try ProcessStat(of: processID).flags
        return flags & hasNotExecuted == 0 || flags & isExiting == 0
    }

    /// Compares a child with what it was to become, and what it cannot have changed since: it may gain no privilege.
    ///
    /// - Parameter processID: The child.
    /// - Returns: What differs, for a person; `nil` when nothing does.
    /// - Throws: `Errno` when `/proc` does not say.
    func difference(of processID: Int32) throws(Errno) -> String? {
        let fields = try Self.statusFields(of: processID)
        if let difference = identityDifference(in: fields, comparingGroups: true) { return difference }
        if fields["NoNewPrivs"] != ["1"] { return "it may gain privileges" }
        // In a user namespace that it made itself the job has every capability, over nothing but itself.
        guard try Self.userNamespace(of: "\(processID)") == Self.userNamespace(of: "self") else { return nil }
        return capabilityDifference(in: fields)
    }

    /// Compares the capabilities of a child with none.
    ///
    /// - Parameter fields: What the file says.
    /// - Returns: The first set that is not empty, for a person; `nil` when all are.
    func capabilityDifference(in fields: StatusFields) -> String? {
        let empty = ["CapInh", "CapPrm", "CapEff", "CapAmb"] + (emptyBoundingSet ? ["CapBnd"] : [])
        let other = empty.first { name in
            guard let words = fields[Substring(name)], words.count == 1 else { return true }
            return !words[0].utf8.allSatisfy { $0 == UInt8(ascii: "0") }
        }
        return other.map { "its capabilities (\($0)) are not empty" }
    }

    /// Compares the ids of a child with those it was to have.
    ///
    /// - Parameters:
    ///   - processID: The child.
    ///   - comparesGroups: Whether the supplementary groups are compared as well.
    ///   - comparesGroupIDs: Whether the group ids are.
    /// - Returns: What differs, for a person; `nil` when nothing does.
    /// - Throws: `Errno` when `/proc` does not say.
    func identityDifference(
        of processID: Int32,
        comparingGroups comparesGroups: Bool,
        groupIDs comparesGroupIDs: Bool = true
    ) throws(Errno) -> String? {
        identityDifference(
            in: try Self.statusFields(of: processID),
            comparingGroups: comparesGroups,
            groupIDs: comparesGroupIDs
        )
    }

    /// Compares ids.
    ///
    /// - Parameters:
    ///   - fields: What the file says.
    ///   - comparesGroups: Whether the supplementary groups are compared as well.
    ///   - comparesGroupIDs: Whether the group ids are.
    /// - Returns: What differs, for a person; `nil` when nothing does.
    func identityDifference(
        in fields: StatusFields,
        comparingGroups comparesGroups: Bool,
        groupIDs comparesGroupIDs: Bool = true
    ) -> String? {
        let user = String(credentials.userID)
        let group = String(credentials.groupID)
        if fields["Uid"]?.map(String.init) != Array(repeating: user, count: 4) {
            return "its user ids are not \(user)"
        }
        if comparesGroupIDs, fields["Gid"]?.map(String.init) != Array(repeating: group, count: 4) {
            return "its group ids are not \(group)"
        }
        if comparesGroups, fields["Groups"]?.map(String.init) != credentials.groups.map({ String($0) }) {
            return "its supplementary groups are not the account's"
        }
        return nil
    }

    /// The words of each line; the real, effective, saved and file system id stand in one line of `Uid` and of `Gid`.
    typealias StatusFields = [Substring: [Substring]]

    private static func statusFields(of processID: Int32) throws(Errno) -> StatusFields {
        fields(of: try ProcFile.read(FilePath("/proc/\(processID)/status")))
    }

    /// Reads the file, byte by byte: its first line is the process's own to choose, and a carriage return at its end would be one
    /// character with the end of the line.
    ///
    /// - Parameter status: The text of the file.
    /// - Returns: The words of each line; where two lines have one name, two that nobody expects.
    static func fields(of status: String) -> StatusFields {
        var fields: StatusFields = [:]
        for line in status.utf8.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let words = line[line.index(after: colon)...]
                .split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            let name = Substring(line[..<colon])
            if fields.updateValue(words.map { Substring($0) }, forKey: name) != nil { fields[name] = ["", ""] }
        }
        return fields
    }

    private static func userNamespace(of process: String) throws(Errno) -> UInt64 {
        var status = stat()
        guard unsafe stat("/proc/\(process)/ns/user", &status) == 0 else { throw Errno(rawValue: errno) }
        return UInt64(status.st_ino)
    }
}
