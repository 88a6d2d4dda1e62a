import SystemPackage

/// A name in one of the directories through which jobs come in.
struct Arrival: Hashable, Sendable {
    /// The directory.
    let entrance: SpoolFolder

    /// The name in it.
    let name: FilePath.Component
}
