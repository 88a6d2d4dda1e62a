import LaunchProtocol
import SystemPackage

/// Writes what a target starts from and is no text that somebody could read: the messages of the tests.
///
/// - Parameters:
///   - target: The target.
///   - directory: The directory, which is there.
/// - Throws: `Errno`, or why a message cannot be written.
func writeSeeds(of target: FuzzTarget, to directory: String) throws {
    guard target == .frames else { return }
    let orders = [Samples.order, Samples.onTerminal, Samples.smallest]
    for (index, bytes) in try (orders.map { try $0.encoded() } + Samples.frames()).enumerated() {
        let file = try FileDescriptor.open(
            FilePath(directory).appending("sample-\(index)"),
            .writeOnly,
            options: [.create, .truncate],
            permissions: .ownerReadWrite
        )
        try file.closeAfter { _ = try file.writeAll(bytes) }
    }
}
