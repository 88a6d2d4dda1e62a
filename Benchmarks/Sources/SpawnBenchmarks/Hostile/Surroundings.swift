/// What goes on beside the launches that are measured.
enum Surroundings: String, CaseIterable, Sendable {
    /// Nothing.
    case quiet

    /// As many processes as the attack has, in as many sessions, that compute and fork, and launches of the same account.
    case benign

    /// The attack.
    case hostile
}
