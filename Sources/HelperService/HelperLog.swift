import CHelperService
import Glibc

/// What the helper tells whoever runs it, a line each, on standard error.
///
/// It never waits for whoever reads it: a line that has no room is lost. Arguments and environments of jobs never come here, and
/// whatever a daemon has chosen stays on one line.
package struct HelperLog: Sendable {
    /// How much it matters, as `sd-daemon(3)` spells it for the journal.
    package enum Level: Int, Sendable {
        case error = 3
        case warning = 4
        case notice = 5
        case info = 6
    }

    /// A pipe takes lines up to `PIPE_BUF` whole, in characters of at most four bytes.
    private static let longest = 1_000

    /// Whether a line begins with its level, which the journal takes off again.
    private let isForJournal: Bool

    /// Whether nothing is written at all.
    private let isSilent: Bool

    package init(isForJournal: Bool) {
        self.init(isForJournal: isForJournal, isSilent: false)
    }

    private init(isForJournal: Bool, isSilent: Bool) {
        self.isForJournal = isForJournal
        self.isSilent = isSilent
    }

    /// One that writes nothing.
    static let silent = HelperLog(isForJournal: false, isSilent: true)

    package func write(_ level: Level, _ message: String) {
        guard !isSilent else { return }
        let prefix = isForJournal ? "<\(level.rawValue)>" : "impersonation-helper[\(getpid())]: "
        var line = prefix + String(message.onOneLine(upTo: Self.longest).prefix(Self.longest)) + "\n"
        // Nobody may be reading any more, or not at this moment. Whatever becomes of the line, the jobs go on.
        line.withUTF8 { _ = unsafe helper_log($0.baseAddress, $0.count) }
    }
}
