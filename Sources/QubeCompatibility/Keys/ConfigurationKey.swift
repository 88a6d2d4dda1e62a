/// What is known of a key of `qb.conf`.
struct ConfigurationKey: Sendable, Hashable {
    /// Who gave the key its meaning, and who heeds it.
    enum Owner: Sendable, Hashable {
        /// A key of Qube! that this library heeds.
        case qube

        /// A key of Qube! that is none of this library's business.
        case qubeOnly

        /// A key of this library.
        case library
    }

    /// The name, exactly as it has to be written.
    let name: String

    /// Who gave the key its meaning, and who heeds it.
    let owner: Owner

    /// Whether the key has a part in deciding whom a job runs as, so that a misspelt one must stop a worker.
    let decidesIdentity: Bool

    /// Whether the key counts only in the local file, because a worker needs it before it can ask for the central one.
    let isLocalOnly: Bool

    /// Whether the setting may hold a password, encrypted or not.
    let holdsSecret: Bool

    init(
        _ name: String,
        _ owner: Owner,
        decidesIdentity: Bool = false,
        isLocalOnly: Bool = false,
        holdsSecret: Bool = false
    ) {
        self.name = name
        self.owner = owner
        self.decidesIdentity = decidesIdentity
        self.isLocalOnly = isLocalOnly
        self.holdsSecret = holdsSecret
    }

    /// Whether this library heeds the key.
    var isHeeded: Bool { owner != .qubeOnly }
}
