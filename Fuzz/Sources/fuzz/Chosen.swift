/// What libFuzzer's function, which captures nothing, works on.
enum Chosen {
    /// Set once, before libFuzzer starts, which calls from the same thread.
    nonisolated(unsafe) static var target: FuzzTarget = .frames
}
