import Glibc
import SystemPackage
import Testing

/// A shell script of root's that `sudo` is told to run in the place of the launcher: what an account could do that had got there.
enum StandIn {
    /// Installs it.
    ///
    /// - Parameter script: What it does.
    /// - Returns: Where it is.
    /// - Throws: When it cannot be written.
    static func install(_ script: String) throws -> String {
        let place = FilePath("/bed/stand-in-\(UInt64.random(in: 0...UInt64.max))")
        let file = try FileDescriptor.open(
            place,
            .writeOnly,
            options: [.create, .exclusiveCreate],
            permissions: [.ownerReadWriteExecute, .groupRead, .groupExecute, .otherRead, .otherExecute]
        )
        try file.closeAfter { _ = try file.writeAll("#!/bin/sh\n\(script)\n".utf8) }
        return place.string
    }
}
