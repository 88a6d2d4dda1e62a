/// An open file and what was found when it was looked at.
struct OpenedFile: ~Copyable {
    /// The descriptor, open for reading.
    let descriptor: OwnedDescriptor

    /// What was found through ``descriptor``.
    let facts: FileFacts
}
