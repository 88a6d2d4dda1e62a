package import SystemPackage

/// What `proc_pid_stat(5)` says of a process.
package struct ProcessStat: Hashable, Sendable {
    /// `R`, `S`, `Z` and so on.
    package let state: UInt8
    package let parent: Int32
    package let group: Int32
    package let session: Int32

    /// The flags of `include/linux/sched.h`.
    package let flags: UInt64

    /// How many threads it has; a process that waits to be reaped has the one that is left of it.
    package let threads: Int32

    /// When it was started, in clock ticks since the boot.
    package let startTime: UInt64

    /// Whether it has ended, and at most waits to be reaped.
    ///
    /// The state is that of its first thread, which may end before the others (`pthread_exit(3)`) and is a zombie meanwhile.
    package var hasEnded: Bool { (state == UInt8(ascii: "Z") || state == UInt8(ascii: "X")) && threads <= 1 }

    /// Reads the file of a process.
    ///
    /// - Parameter processID: The process.
    /// - Throws: `Errno` of `open(2)` or `read(2)`, `EIO` when the file does not read as the manual page says, and `EXDEV` when
    ///   `/proc` shows another pid namespace than that of this process, where the number means somebody else.
    package init(of processID: Int32) throws(Errno) {
        guard ProcFile.showsOwnNamespace else { throw .improperLink }
        guard let stat = ProcessStat(parsing: try ProcFile.read(FilePath("/proc/\(processID)/stat"))) else {
            throw .ioError
        }
        self = stat
    }

    /// Reads the text of the file, or makes `nil` of what is none.
    ///
    /// The name in parentheses is the process's own to choose, so the fields are those behind the last parenthesis. That
    /// is looked for among the bytes: among the characters of a `String` it is not found behind a letter that joins the
    /// one after it (U+0600), and a process could be named so that it is read wrongly, or not at all.
    ///
    /// - Parameter text: The text.
    package init?(parsing text: String) {
        let bytes = text.utf8
        guard let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = bytes[bytes.index(after: end)...].split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        guard fields.count > 19, fields[0].count == 1, let state = fields[0].first,
            let parent = Int32(Substring(fields[1])), let group = Int32(Substring(fields[2])),
            let session = Int32(Substring(fields[3])), let flags = UInt64(Substring(fields[6])),
            let threads = Int32(Substring(fields[17])), let startTime = UInt64(Substring(fields[19]))
        else { return nil }
        self.state = state
        self.parent = parent
        self.group = group
        self.session = session
        self.flags = flags
        self.threads = threads
        self.startTime = startTime
    }
}
