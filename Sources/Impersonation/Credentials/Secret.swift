/// A password in memory of its own. Replaced by the real thing in a moment.
public struct Secret: ~Copyable, Sendable {
    deinit {}
}
