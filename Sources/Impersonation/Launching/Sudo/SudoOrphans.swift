import LaunchPlan

/// What is left of a launch without its `sudo`, to a daemon that inherits orphans: the first process of a container, or by
/// `PR_SET_CHILD_SUBREAPER`.
///
/// Nobody else waits for them then, and they would stay zombies for good. They are asked for one by one, by their descriptors: any
/// other child of the daemon is the daemon's own.
enum SudoOrphans {
    private static let longestDelay = Duration.seconds(1)

    /// Waits for processes that may have become this one's, each to its end, and takes them off the process table.
    ///
    /// Nobody becomes this process's child before who has started it has ended. So the first that is not is another's for good, or was
    /// waited for, and the next one is looked at once that is known of the one before it.
    ///
    /// - Parameters:
    ///   - processes: Each behind the one that has started it; who has started the first has ended.
    ///   - reactor: Who waits.
    static func reap(_ processes: [StartedChild], on reactor: Reactor) async {
        for process in processes {
            var delay = Duration.milliseconds(1)
            while KernelsWord.ofOrphans(process) == .notYet {
                if process.isRunning {
                    _ = try? await reactor.ready(process.processDescriptor.rawValue, .reading, until: nil)
                }
                // Its status is to be had a moment later, or once nobody traces it any more; and the reactor may have no place.
                await reactor.pause(delay)
                delay = min(delay * 2, longestDelay)
            }
        }
    }
}
