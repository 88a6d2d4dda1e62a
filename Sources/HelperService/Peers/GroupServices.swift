import Glibc
import LocalAccounts
import SystemPackage

/// Which services are asked for the groups of accounts, as `nsswitch.conf(5)` was when the helper began and as long as it is that.
///
/// A launch pays one `stat(2)` for it.
package struct GroupServices: Sendable {
    /// What a file looks like that nobody has changed or replaced.
    private struct Stamp: Hashable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let times: [Int]

        /// `nil` where there is none.
        init?(_ path: FilePath) {
            var status = stat()
            guard unsafe stat(path.string, &status) == 0 else { return nil }
            (device, inode, size) = (UInt64(status.st_dev), UInt64(status.st_ino), Int64(status.st_size))
            times = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
        }
    }

    private static let nameServiceSwitch: FilePath = "/etc/nsswitch.conf"

    private let file: FilePath
    private let read: @Sendable () -> Bool
    private let stamp: Stamp?
    private let couldLeave: Bool

    /// Reads the file.
    package init() {
        self.init(Self.nameServiceSwitch) { LocalFiles.ofThisHost().asksOthersForGroups }
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - file: Where it is.
    ///   - read: What says whether one of its services may leave this machine.
    init(_ file: FilePath, _ read: @escaping @Sendable () -> Bool) {
        (self.file, self.read) = (file, read)
        // Before it is read: whoever changes it afterwards is seen.
        stamp = Stamp(file)
        couldLeave = read()
    }

    /// Whether one of them may leave this machine, and hang.
    package var mayLeaveThisMachine: Bool { stamp == Stamp(file) ? couldLeave : read() }
}
