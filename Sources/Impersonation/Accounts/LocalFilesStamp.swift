import Glibc
public import SystemPackage

/// What the files of the local name service looked like at one moment: `/etc/passwd`, `/etc/group` and
/// `/etc/nsswitch.conf`.
///
/// Two different stamps mean that somebody changed one of them. Two equal ones mean that nobody did, for every
/// program that replaces the files (`useradd`, `vipw`, configuration management): a file written in place twice
/// within one tick of the kernel's clock (4 ms) and with the same size shows no difference.
///
/// The corresponding C function is `stat`.
public struct LocalFilesStamp: Sendable, Hashable {
    private struct FileStamp: Sendable, Hashable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let modified: Duration
        let changed: Duration

        init?(_ path: FilePath) {
            guard let stat = try? Stat(path) else { return nil }
            device = UInt64(stat.deviceID.rawValue)
            inode = UInt64(stat.inode.rawValue)
            size = stat.size
            modified = .seconds(stat.st_mtim.tv_sec) + .nanoseconds(stat.st_mtim.tv_nsec)
            changed = .seconds(stat.st_ctim.tv_sec) + .nanoseconds(stat.st_ctim.tv_nsec)
        }
    }

    private static let nameServiceFiles: [FilePath] = ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf"]

    private let files: [FileStamp?]

    /// Looks at the files of the local name service.
    public init() {
        self.init(of: Self.nameServiceFiles)
    }

    /// Looks at files.
    ///
    /// - Parameter paths: The files; one that is not there differs from every one that is.
    public init(of paths: [FilePath]) {
        files = paths.map { FileStamp($0) }
    }
}
