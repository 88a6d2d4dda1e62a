/// What became of one launch of a soak.
enum SoakOutcome: Sendable {
    /// The job was launched and ended the way it was told to.
    case right(SpawnTiming)

    /// It did not; why.
    case wrong(String)
}
