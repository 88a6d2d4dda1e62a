/// What is known of a row before it runs.
struct RowProfile: Sendable, Hashable {
    /// The name in the table and in JSON.
    let name: String

    /// How many launches are measured in a row before another row has its turn; few where a launch is slow, so that a
    /// round stays short enough for its rows to be comparable.
    let callsPerRound: Int

    /// Whether the program runs as the account, not as the daemon.
    var switchesIdentity = true

    /// Whether it is the library itself, not a peer.
    var isOfTheLibrary = false

    /// Whether the launching call comes back only when the job itself has been executed.
    ///
    /// It does not for programs that switch and then execute: that they have started is all the caller knows.
    var confirmsStart = true

    /// Whether the measurement fails as a whole when the row does.
    var isRequired = true

    /// Whether the row runs `/bin/true` as well.
    var runsRealProgram = true

    /// Launches before the measured ones of a round, which find the caches as another row has left them.
    var discardedCalls: Int { callsPerRound >= 10 ? 1 : 0 }
}
