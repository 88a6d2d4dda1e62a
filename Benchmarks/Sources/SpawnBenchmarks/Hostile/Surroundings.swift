/// What goes on beside the launches that are measured.
enum Surroundings: String, CaseIterable, Sendable {
    /// Nothing.
    case quiet

    /// As many processes that only compute as the attack has, and launches of the same account.
    case benign

    /// The attack.
    case hostile
}
