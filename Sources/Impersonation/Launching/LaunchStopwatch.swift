/// Takes the times of one launch.
struct LaunchStopwatch {
    /// When the launch began.
    let begin = ContinuousClock.now

    private var timings = LaunchTimings()
    private var last: ContinuousClock.Instant

    /// Begins.
    init() {
        last = begin
    }

    /// Ends a stage; the next one begins.
    mutating func end(_ stage: WritableKeyPath<LaunchTimings, Duration>) {
        let now = ContinuousClock.now
        timings[keyPath: stage] += now - last
        last = now
    }

    /// Ends the last stage.
    ///
    /// - Returns: The times of all of them.
    mutating func confirmed() -> LaunchTimings {
        end(\.confirmation)
        return timings
    }
}
