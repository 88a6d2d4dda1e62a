import Dispatch
import Glibc
import SystemPackage

/// Tells when something comes into the directories jobs come in by, with `inotify(7)`, and which files their writers have closed.
///
/// Nobody polls: an idle worker sleeps. What inotify leaves out when too much happens at once (`IN_Q_OVERFLOW`) is
/// found all the same, because every event only makes the spool read its directory.
final class SpoolWatch {
    private let descriptor: Int32
    private let source: any DispatchSourceRead
    private let complete: CompleteFiles

    /// Watches every directory of a spool that is an entrance.
    init(_ folders: [SpoolFolder: Folder]) throws(SpoolError) {
        let number = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        var watched: [Int32: SpoolFolder] = [:]
        for (which, folder) in folders where SpoolFolder.entrances.contains(which) {
            let events = UInt32(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO) | UInt32(IN_ONLYDIR)
            // There is no call that takes a descriptor; this name leads to what is open, wherever its path leads now.
            let watch = unsafe inotify_add_watch(number, "/proc/self/fd/\(folder.descriptor.rawValue)", events)
            guard watch >= 0 else {
                let error = Errno(rawValue: errno)
                close(number)
                throw SpoolError(
                    path: folder.path,
                    message: "cannot be watched (\(error)); raise fs.inotify.max_user_instances and "
                        + "fs.inotify.max_user_watches, and see that /proc is mounted"
                )
            }
            watched[watch] = which
        }
        complete = CompleteFiles(in: watched)
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
    func isComplete(_ file: Arrival) -> Bool { complete.remove(file) }

    /// Keeps a file for which that was so and which could not be taken up.
    func keep(_ file: Arrival) { complete.insert(file) }
}
