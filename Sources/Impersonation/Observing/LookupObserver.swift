import Logging
import Metrics
import Synchronization

/// Tells the host's log and metrics that the name service is asked another way than was to be expected of this machine.
///
/// That costs more, is less separated from the daemon, or both, and nothing else shows it: accounts are found all the same.
final class LookupObserver: Sendable {
    /// A way to ask.
    enum Way: String, Sendable {
        /// The lookup process.
        case helper
        case getent
        case threads
    }

    private struct State {
        var way = Way.helper
        var since = MonotonicTime.now
    }

    private let logger: Logger
    private let factory: any MetricsFactory
    private let state = Mutex(State())

    /// Takes what it tells.
    init(logger: Logger = .current, metrics: any MetricsFactory = MetricsSystem.factory) {
        self.logger = logger
        factory = metrics
    }

    /// A question goes a way.
    ///
    /// The log is told when the way is another one than before, and not by a question that was asked before that came to be so.
    ///
    /// - Parameters:
    ///   - way: The way.
    ///   - begin: When the question was asked.
    ///   - refusals: Why ways before it are not taken, a clause each.
    func asked(_ way: Way, since begin: MonotonicTime, because refusals: [String]) {
        if way != .helper {
            let dimensions = [("way", way.rawValue)]
            Counter(label: "impersonation.lookup.fallbacks", dimensions: dimensions, factory: factory).increment()
        }
        let isOther = state.withLock { state in
            guard state.way != way, begin >= state.since else { return false }
            state.way = way
            state.since = .now
            return true
        }
        guard isOther else { return }
        guard let advice = Self.advice(for: way) else {
            logger.notice("Accounts are looked up by the helper again", metadata: ["way": "\(way.rawValue)"])
            return
        }
        logger.warning(
            "Accounts are not looked up by the helper",
            metadata: [
                "way": "\(way.rawValue)",
                "reason": "\(refusals.joined(separator: "; ").escapingUnprintable)",
                "message": "\(advice)",
            ]
        )
    }

    private static func advice(for way: Way) -> String? {
        switch way {
        case .helper: nil
        case .getent:
            "getent is asked, a process for each lookup; install the helper that belongs to this library (make install-helper), or ask "
                + "by getent on purpose (NSSAccountDirectory.Asking.getent)"
        case .threads:
            "threads of this process are asked, which nobody can stop and which run with its rights; install the helper that belongs "
                + "to this library (make install-helper), or ask by threads on purpose (NSSAccountDirectory.Asking.threads)"
        }
    }
}
