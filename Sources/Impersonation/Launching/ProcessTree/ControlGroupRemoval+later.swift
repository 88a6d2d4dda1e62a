import LaunchPlan

extension ControlGroupRemoval {
    private static let longestDelay = Duration.seconds(30)

    /// Tries until the group is gone; what waits holds nothing of the job meanwhile, which may be for months.
    ///
    /// - Parameters:
    ///   - delay: When it is tried first.
    ///   - reactor: Who tries.
    func perform(later delay: Duration, on reactor: Reactor) {
        _ = reactor.alarm(at: .now + delay) {
            guard !perform() else { return }
            perform(later: min(delay * 2, Self.longestDelay), on: reactor)
        }
    }
}
