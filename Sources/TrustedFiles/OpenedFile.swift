package import SystemPackage

/// An open file and what was found when it was looked at.
package struct OpenedFile: ~Copyable {
    /// The descriptor, open for reading.
    package let descriptor: HeldDescriptor

    /// What was found through ``descriptor``.
    package let facts: FileFacts

    /// Where the way led.
    package let place: FilePath
}
