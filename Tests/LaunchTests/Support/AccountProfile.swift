import Glibc
import SystemPackage

@testable import Impersonation
@testable import LaunchPlan

/// A profile of alice's, as long as the value lives, and the rule that lets it run.
final class AccountProfile {
    private static let place: FilePath = "/bed/home/alice/.profile"
    private let rule: SudoRule

    init(_ script: String) throws {
        rule = try SudoRule("renderd ALL=(alice) NOPASSWD: /bin/bash")
        let file = try FileDescriptor.open(
            Self.place,
            .writeOnly,
            options: [.create, .truncate],
            permissions: [.ownerReadWrite, .groupRead, .otherRead]
        )
        try file.closeAfter { _ = try file.writeAll(script.utf8) }
    }

    deinit {
        remove()
    }

    func remove() {
        _ = unsafe unlink(Self.place.string)
        rule.remove()
    }
}
