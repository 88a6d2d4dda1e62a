import Glibc
import SystemPackage

/// A file system of one test, which takes nothing more when the test says so.
final class ScratchDisk: Sendable {
    private let path: FilePath

    /// Mounts it on a new directory.
    init(at path: FilePath) throws {
        self.path = path
        try ScratchFolder.check(unsafe path.withPlatformString { unsafe mkdir($0, 0o755) })
        try ScratchFolder.check(
            unsafe path.withPlatformString { unsafe mount("tmpfs", $0, "tmpfs", 0, "mode=0755") }
        )
    }

    deinit {
        // The directories of a spool may still be open.
        _ = unsafe path.withPlatformString { unsafe umount2($0, Int32(MNT_DETACH)) }
    }

    /// Lets nothing be written, moved or removed, or everything again.
    func setReadOnly(_ isReadOnly: Bool) throws {
        let flags = UInt(MS_REMOUNT | MS_BIND | (isReadOnly ? MS_RDONLY : 0))
        try ScratchFolder.check(unsafe path.withPlatformString { unsafe mount(nil, $0, nil, flags, nil) })
    }
}
