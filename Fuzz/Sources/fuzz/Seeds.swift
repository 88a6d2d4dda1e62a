import SystemPackage

/// Writes the samples that a target starts from.
///
/// - Parameters:
///   - target: The target.
///   - directory: The directory, which is there.
/// - Throws: `Errno`, or why a message cannot be written.
func writeSeeds(of target: FuzzTarget, to directory: String) throws {
    for (index, bytes) in try target.samples().enumerated() {
        let file = try FileDescriptor.open(
            FilePath(directory).appending("sample-\(index)"),
            .writeOnly,
            options: [.create, .truncate],
            permissions: .ownerReadWrite
        )
        try file.closeAfter { _ = try file.writeAll(bytes) }
    }
}
