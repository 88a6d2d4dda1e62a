import Impersonation
import SystemPackage
import Testing

/// How an account is locked by wrong passwords, and unlocked again, on the server of a directory itself.
enum Lock: Sendable {
    /// Active Directory.
    case activeDirectory

    /// The realm of Kerberos.
    case realm

    /// The domain `OTHER` of LDAP, whose policy locks accounts.
    case ldap

    private static let account = "lockme"
    private static let entry = "uid=\(account),ou=people,dc=other,dc=test"

    /// Tries three wrong passwords, each of which has to fail.
    func close() async throws {
        let tried =
            switch self {
            case .activeDirectory, .realm: "echo wrong | kinit -c MEMORY: \(Self.account)"
            case .ldap: "ldapwhoami -x -H ldap://10.53.0.1 -D \(Self.entry) -w wrong"
            }
        try await Control.onDirectory("sh", "-c", "for try in 1 2 3; do if \(tried); then exit 1; fi; done")
    }

    /// Lets the account in again.
    func open() async throws {
        switch self {
        case .activeDirectory: try await Control.onDirectory("samba-tool", "user", "unlock", Self.account)
        case .realm: try await Control.onDirectory("kadmin.local", "modprinc", "-unlock", Self.account)
        case .ldap:
            let change = #"dn: \#(Self.entry)\nchangetype: modify\ndelete: pwdAccountLockedTime\n"#
            let modify = "ldapmodify -x -H ldap://10.53.0.1 -D cn=admin,dc=test -w 'Adm1nPassw0rd!'"
            try await Control.onDirectory("sh", "-c", "printf '\(change)' | \(modify)")
        }
    }

    /// That a locked account is refused though its password is right, and let in with it when it is unlocked.
    ///
    /// - Parameters:
    ///   - answer: What PAM says of the locked account.
    ///   - service: What follows `impersonation-` in the name of the service.
    ///   - isGivenUp: Whether the right password is taken for a wrong one, which is not tried again.
    ///   - isSeenUnproven: Whether the account check refuses the account where nobody proves a password.
    /// - Throws: What keeps it from being looked at.
    func expectRefusal(
        _ answer: Answer,
        _ service: String,
        givesUp isGivenUp: Bool = false,
        seenUnproven isSeenUnproven: Bool = false
    ) async throws {
        let helper = try await SessionHelper()
        let identity = try #require(try await Site().resolve(answer.account).identity)
        let launcher = try await helper.launcher(service, rightPassword, for: identity.account.name)
        let unproven = try await helper.launcher(service)
        let command = SessionHelper.command("id -u")
        // Nobody has locked it before.
        _ = try await launcher.launch(command, as: identity).exitReport()
        try await close()
        let locked = await launcher.outcome(of: command, as: identity)
        let withoutPassword = await unproven.outcome(of: command, as: identity)
        try await open()
        answer.expect(try #require(locked.failure))
        #expect((withoutPassword.failure != nil) == isSeenUnproven)
        _ = try await withoutPassword.success?.exitReport()
        // The same launcher has the same password.
        let again = await launcher.outcome(of: command, as: identity)
        #expect(again.failure?.code == (isGivenUp ? .credentialUnavailable : nil), "\(again)")
        let registered = try await helper.launcher(service, rightPassword, for: identity.account.name)
        let text = try await registered.launch(command, as: identity).exitReport().standardOutput?.text
        #expect(text == "\(identity.account.userID.rawValue)\n")
    }
}

extension ProcessLauncher {
    /// What comes of a launch.
    func outcome(of command: Command, as identity: ExecutionIdentity) async -> Result<LaunchedProcess, LaunchError> {
        do throws(LaunchError) {
            return .success(try await launch(command, as: identity))
        } catch {
            return .failure(error)
        }
    }
}

extension Result where Success == LaunchedProcess, Failure == LaunchError {
    /// The job that runs.
    var success: LaunchedProcess? { try? get() }

    /// Why none runs.
    var failure: LaunchError? {
        guard case .failure(let error) = self else { return nil }
        return error
    }
}
