import Impersonation
import SystemPackage
import Testing

/// That an account of a domain whose service hangs is unavailable within the deadline, and that local accounts are not delayed.
///
/// - Parameters:
///   - name: The account of the domain.
///   - asking: How the name service is asked.
///   - isComplete: Whether nobody but the local files can know groups of local accounts.
///   - sourceLocation: Where that is expected.
/// - Throws: What keeps it from being looked at.
func expectNoDelay(
    besides name: String,
    asking: NSSAccountDirectory.Asking,
    completeGroups isComplete: Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let clock = ContinuousClock()
    var code: AccountDirectoryError.Code?
    let time = try await clock.measure {
        code = try await failure(asking: name, within: impatience, asking: asking).code
    }
    #expect(code == .deadlineExceeded, sourceLocation: sourceLocation)
    #expect(time < impatience + .seconds(20), sourceLocation: sourceLocation)
    let directory = nameService(within: impatience, asking: asking)
    let alice = try await directory.account(named: AccountName("alice"))
    #expect(alice?.groupNumbers == [2_001, 3_001, 3_002], sourceLocation: sourceLocation)
    #expect(alice?.groupsAreComplete == isComplete, sourceLocation: sourceLocation)
    let root = try await directory.account(withID: UserID(rawValue: 0))
    #expect(root?.groupNumbers == [0], sourceLocation: sourceLocation)
}
