/// Why nobody has answered a question to the name service.
package enum NoAnswer: Error, Sendable, Hashable {
    /// The time for it was over.
    case late

    /// Whoever was to ask could not, for this reason; a clause for a message.
    case broken(String)

    /// Nobody can be asked this way on this machine, for this reason.
    case unusable(String)
}
