import SystemPackage

/// The groups of an account, as somebody has listed them.
struct GroupList: Sendable, Hashable {
    /// The groups, the primary one included.
    var groups: [GroupID]

    /// Whether there are no others: everybody who may know one has been asked, or nobody else may.
    var areComplete = true
}
