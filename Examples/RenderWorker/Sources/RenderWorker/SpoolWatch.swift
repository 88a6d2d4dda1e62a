import Dispatch
import Glibc
import SystemPackage

/// Tells when something comes into a directory, by `inotify(7)`, and which files their writers have closed.
///
/// Nobody polls: an idle worker sleeps. What inotify leaves out when too much happens at once (`IN_Q_OVERFLOW`) is
/// found all the same, because every event only makes the spool read its directory.
final class SpoolWatch {
    private let descriptor: Int32
    private let source: any DispatchSourceRead
    private let complete = CompleteFiles()

    init(_ path: FilePath) throws(SpoolError) {
        let number = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        guard number >= 0 else { throw Self.error(path) }
        let events = UInt32(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO) | UInt32(IN_ONLYDIR) | UInt32(IN_DONT_FOLLOW)
        guard unsafe path.withPlatformString({ unsafe inotify_add_watch(number, $0, events) }) >= 0 else {
            let error = Self.error(path)
            close(number)
            throw error
        }
        descriptor = number
        source = DispatchSource.makeReadSource(fileDescriptor: number, queue: DispatchQueue(label: "spool-watch"))
        source.setCancelHandler { close(number) }
    }

    deinit {
        // A source that was never activated must not be released, and its handler would not close the descriptor.
        source.activate()
        source.cancel()
    }

    /// Calls a function after each batch of events.
    func begin(_ changed: @escaping @Sendable () -> Void) {
        source.setEventHandler { [complete, descriptor] in
            complete.readEvents(from: descriptor)
            changed()
        }
        source.activate()
    }

    /// Whether the writer of a file has closed it since it was asked last.
    func isComplete(_ name: FilePath.Component) -> Bool { complete.remove(name) }

    private static func error(_ path: FilePath) -> SpoolError {
        SpoolError(
            path: path,
            message: "cannot be watched (\(Errno(rawValue: errno))); raise fs.inotify.max_user_instances and "
                + "fs.inotify.max_user_watches"
        )
    }
}
