import Foundation
import Impersonation
import SystemPackage
import Testing

/// A deadline for what is to be answered: nothing here fails for want of time.
let patience = Duration.seconds(120)

/// A deadline for what hangs.
let impatience = Duration.seconds(2)

/// The ways to ask that can be stopped.
///
/// `getent` has to be root's: in a user namespace it is nobody's.
let stoppableWays: [NSSAccountDirectory.Asking] =
    [.lookupProcess(at: "/bed/bin/impersonation-helper")]
    + (ProcessInfo.processInfo.environment["IMPERSONATION_TEST_BED_ROOT"] == "machine" ? [.getent] : [])

/// How this machine is asked: as a daemon does where the helper is installed.
func nameService(
    syntax: AccountNameSyntax = .standard,
    within deadline: Duration = patience,
    asking: NSSAccountDirectory.Asking = stoppableWays[0]
) -> NSSAccountDirectory {
    NSSAccountDirectory(syntax: syntax, deadline: deadline, asking: asking)
}

/// Asks the name service of this machine for an account.
func account(
    _ name: String,
    syntax: AccountNameSyntax = .standard,
    within deadline: Duration = patience,
    asking: NSSAccountDirectory.Asking = stoppableWays[0]
) async throws -> Account? {
    let name = try AccountName(name, syntax: syntax)
    return try await nameService(syntax: syntax, within: deadline, asking: asking).account(named: name)
}

/// What keeps the name service of this machine from answering, which it has to be kept from.
func failure(
    asking name: String,
    syntax: AccountNameSyntax = .standard,
    within deadline: Duration = patience,
    asking: NSSAccountDirectory.Asking = stoppableWays[0],
    sourceLocation: SourceLocation = #_sourceLocation
) async throws -> AccountDirectoryError {
    let error = await #expect(throws: AccountDirectoryError.self, sourceLocation: sourceLocation) {
        try await account(name, syntax: syntax, within: deadline, asking: asking)
    }
    return try #require(error, sourceLocation: sourceLocation)
}

/// A site in user mode, and what it decides about a login or about the account it asks for.
struct Site {
    var policy = ExecutionPolicy(mode: Sourced(.user))
    var registry = InMemoryProxyRegistry()
    var deadline = patience

    init(hostDomain: String? = nil, visibleDomains: [String] = [], syntax: AccountNameSyntax = .standard) {
        policy.hostDomain = Sourced(hostDomain)
        policy.visibleDomains = Sourced(visibleDomains)
        policy.nameSyntax = syntax
    }

    /// Decides as whom a request runs.
    func resolve(
        _ login: String,
        as requested: String? = nil,
        pinned userID: UserID? = nil
    ) async throws -> Resolution {
        let directory = CachingAccountDirectory(nameService(syntax: policy.nameSyntax, within: deadline))
        let resolver = PolicyResolver(policy: policy, directory: directory, registry: registry)
        return try await resolver.resolve(
            ExecutionRequest(login: login, requestedAccount: requested, pinnedUserID: userID)
        )
    }
}

extension Resolution {
    /// Why the request is denied, or `nil` when it is not.
    var denial: Denial? {
        guard case .denied(let denial, _) = self else { return nil }
        return denial
    }

    /// Why the account is not usable, or `nil` when it is.
    var badLogin: BadLogin? {
        guard case .badLogin(let badLogin, _) = self else { return nil }
        return badLogin
    }
}

extension Account {
    /// The ids of every group, ascending.
    var groupNumbers: [UInt32] { groups.map(\.rawValue) }
}
