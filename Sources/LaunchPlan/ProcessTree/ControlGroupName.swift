import Glibc
import Synchronization
import SystemPackage

/// The name of a group, which tells whose it is: the process that made it, by number, start and pid namespace, so that no other
/// process is taken for it later.
struct ControlGroupName {
    let text: String
    private let maker: Int32
    private let start: UInt64
    private let namespace: UInt64

    private static let own = Mutex<(process: Int32, prefix: String)?>(nil)

    /// A name that no group has yet, made by this process.
    static func fresh() -> String {
        let process = getpid()
        let prefix = own.withLock { own -> String in
            // A fork has another number, and the same memory.
            if let own, own.process == process { return own.prefix }
            let start = ProcessStart.time(of: process) ?? 0
            let prefix = "job-\(process)-\(start)-\(ownNamespace ?? 0)-"
            own = (process, prefix)
            return prefix
        }
        return prefix + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// Reads a name; `nil` when it is not one that this library gives.
    ///
    /// - Parameter text: The name of a directory.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == "job", let maker = Int32(parts[1]), maker > 0, let start = UInt64(parts[2]),
            let namespace = UInt64(parts[3]), !parts[4].isEmpty
        else { return nil }
        self.text = text
        self.maker = maker
        self.start = start
        self.namespace = namespace
    }

    /// Whether the process that made the group has certainly ended.
    ///
    /// Nobody here can tell that of a process in another namespace, or of one that did not know its own start.
    var isMakerGone: Bool {
        guard start != 0, namespace != 0, namespace == Self.ownNamespace else { return false }
        return ProcessStart.hasEnded(maker, startedAt: start)
    }

    private static var ownNamespace: UInt64? {
        var status = stat()
        return unsafe stat("/proc/self/ns/pid", &status) == 0 ? UInt64(status.st_ino) : nil
    }
}
