package import Logging
import Synchronization

/// Keeps what is logged.
package final class CollectingLog: Sendable {
    /// One line.
    package struct Line: Sendable {
        package let level: Logger.Level
        package let message: String
        package let metadata: [String: String]
    }

    private struct Handler: LogHandler {
        let log: CollectingLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = (event.metadata ?? [:]).mapValues { "\($0)" }
            let line = Line(level: event.level, message: "\(event.message)", metadata: metadata)
            log.kept.withLock { $0.append(line) }
        }
    }

    private let kept = Mutex<[Line]>([])

    /// Keeps nothing so far.
    package init() {}

    /// What was logged so far.
    package var lines: [Line] { kept.withLock { $0 } }

    /// A logger that writes here.
    package var logger: Logger {
        let handler = Handler(log: self)
        return Logger(label: "test") { _ in handler }
    }
}
