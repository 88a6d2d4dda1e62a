import Glibc
import Synchronization
import SystemPackage

/// The name of a group, which tells whose it is: the process that made it, by number, start and namespaces, so that no other
/// process is taken for it later.
package struct ControlGroupName {
    /// What becomes of the job when its daemon has ended.
    package enum Kind: String, CaseIterable, Sendable {
        /// It ends, too.
        case job

        /// It goes on, and may be another daemon's by now.
        case kept
    }

    let text: String
    let kind: Kind
    let maker: Int32
    private let start: UInt64
    private let namespaces: ProcessNamespaces

    private static let own = Mutex<(process: Int32, text: String)?>(nil)

    /// A name that no group has yet, made by this process.
    ///
    /// - Parameter kind: What becomes of the job when this process has ended.
    /// - Returns: The name.
    static func fresh(_ kind: Kind) -> String {
        let process = getpid()
        let maker = own.withLock { own -> String in
            // A fork has another number, and the same memory.
            if let own, own.process == process { return own.text }
            let start = ProcessStart.time(of: process) ?? 0
            let namespaces = ProcessNamespaces.own
            let text = "\(process)-\(start)-\(namespaces.processes)-\(namespaces.times)"
            // What could not be read now may be read later.
            if start != 0 { own = (process, text) }
            return text
        }
        return "\(kind.rawValue)-\(maker)-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    }

    /// Reads a name; `nil` when it is not one that this library gives.
    ///
    /// - Parameter text: The name of a directory.
    init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            .map { Substring($0) }
        guard parts.count == 6, let kind = Kind(rawValue: String(parts[0])), let maker = Int32(parts[1]), maker > 0,
            let start = UInt64(parts[2]), let processes = UInt64(parts[3]), let time = UInt64(parts[4]),
            !parts[5].isEmpty,
            // One that is spelt in another way is not one of these.
            text == "\(kind.rawValue)-\(maker)-\(start)-\(processes)-\(time)-\(parts[5])"
        else { return nil }
        self.text = text
        self.kind = kind
        self.maker = maker
        self.start = start
        namespaces = ProcessNamespaces(processes: processes, times: time)
    }

    /// Whether the process that made the group has certainly ended.
    ///
    /// Nobody here can tell that of a process in another namespace, or of one that did not know its own start.
    var isMakerGone: Bool {
        guard start != 0, namespaces.areOwn else { return false }
        return ProcessStart.hasEnded(maker, startedAt: start)
    }

    /// Whether the process that made the group is there, and is one of this namespace.
    var isMakerAlive: Bool {
        guard start != 0, namespaces.areOwn else { return false }
        return !ProcessStart.hasEnded(maker, startedAt: start)
    }

    /// Whether the group was made by a process of that number that has been reaped.
    ///
    /// - Parameter process: The number.
    /// - Returns: Whether it was; one that did not know its own start counts.
    func isOf(reaped process: Int32) -> Bool {
        guard maker == process, namespaces.areOwn else { return false }
        return start == 0 || ProcessStart.hasEnded(maker, startedAt: start)
    }
}
