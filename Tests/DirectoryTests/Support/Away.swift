import Impersonation
import SystemPackage
import Testing

/// A directory that the service of this machine does not reach, and says so.
enum Away {
    /// That a policy of the system helper with names of it is not used, and may be another time.
    ///
    /// - Parameters:
    ///   - user: The name of an account that the service does not remember.
    ///   - group: The name of such a group.
    ///   - sourceLocation: Where that is expected.
    /// - Throws: When the helper takes it, or takes it for a mistake.
    static func expectPolicy(
        with user: String,
        _ group: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let text = try await Control.checkPolicy(user, group, endsWith: 69)
        let lines = text.split(separator: "\n")
        for (kind, id) in [("user", "uid"), ("group", "gid")] {
            let wanted = "the name service could not be asked for the \(kind) "
            #expect(
                lines.contains { $0.contains(wanted) && $0.hasSuffix("or write the \(id)") },
                "\(text)",
                sourceLocation: sourceLocation
            )
        }
        #expect(lines.count == 2, "\(text)", sourceLocation: sourceLocation)
    }

    /// That nobody knows whether there are accounts and groups: they are unavailable, and not absent.
    ///
    /// - Parameters:
    ///   - names: Names of accounts that the service does not remember.
    ///   - id: The user id of one of the directory that it does not remember.
    ///   - group: The name of such a group.
    ///   - sourceLocation: Where that is expected.
    /// - Throws: What keeps it from being looked at.
    static func expect(
        _ names: [String],
        id: UInt32,
        group: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        for name in names {
            let error = try await failure(asking: name, sourceLocation: sourceLocation)
            #expect(error.code == .unavailable, "\(name)", sourceLocation: sourceLocation)
            #expect(error.errno == .hostIsDown, "\(name)", sourceLocation: sourceLocation)
            let undecided = await #expect(throws: ResolutionError.self, sourceLocation: sourceLocation) {
                try await Site().resolve(name)
            }
            #expect(undecided?.code == .directoryUnavailable, "\(name)", sourceLocation: sourceLocation)
        }
        let byID = await #expect(throws: AccountDirectoryError.self, sourceLocation: sourceLocation) {
            try await nameService().account(withID: UserID(rawValue: id))
        }
        #expect(byID?.errno == .hostIsDown, sourceLocation: sourceLocation)
        let byGroup = await #expect(throws: AccountDirectoryError.self, sourceLocation: sourceLocation) {
            try await nameService().groupID(named: group)
        }
        #expect(byGroup?.errno == .hostIsDown, sourceLocation: sourceLocation)
    }
}
