import Logging

/// Tells of each line that is logged, so that a test need not guess when it comes.
struct AnnouncingLogHandler: LogHandler {
    let lines: AsyncStream<String>
    private let announce: AsyncStream<String>.Continuation

    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init() {
        (lines, announce) = AsyncStream.makeStream()
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Ends the lines.
    func end() {
        announce.finish()
    }

    func log(event: LogEvent) {
        announce.yield("\(event.message)")
    }
}
