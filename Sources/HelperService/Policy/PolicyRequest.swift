package import LaunchPlan
package import SystemPackage

/// What a launch needs the policy's permission for.
package struct PolicyRequest: Hashable, Sendable {
    /// The name of the account.
    ///
    /// For messages: only its numbers are decided on.
    package var account: [UInt8]

    /// What the job gets.
    package var credentials: ChildPlan.Credentials

    /// The groups of the account, the primary one included, as *the helper itself* looked them up: every one that the policy may depend
    /// on (``HelperPolicy/otherGroupsMatter(than:of:)``).
    ///
    /// What the launcher says of them is worth nothing: it could leave out the group that is denied, or claim the one
    /// that is permitted.
    package var accountGroups: [UInt32]

    /// The programs that are tried one after the other.
    package var executables: [FilePath]

    /// Whether the job may gain privileges by an exec.
    package var wantsNewPrivileges: Bool

    /// Whether the job keeps the helper's capability bounding set.
    package var wantsInheritedBoundingSet: Bool

    /// Whether the job stays when the connection of its daemon ends.
    package var outlivesDaemon: Bool

    /// How long the program may take until it runs.
    package var startDeadline: Duration

    /// The service of PAM that it is to have a session of; `nil` for none.
    package var service: [UInt8]?

    /// Whether the account's password is proven in it.
    package var authenticates: Bool

    /// Whether other jobs are to have the same session.
    package var sharesSession: Bool

    package init(
        account: [UInt8],
        credentials: ChildPlan.Credentials,
        accountGroups: [UInt32],
        executables: [FilePath],
        wantsNewPrivileges: Bool,
        wantsInheritedBoundingSet: Bool,
        outlivesDaemon: Bool,
        startDeadline: Duration,
        service: [UInt8]? = nil,
        authenticates: Bool = false,
        sharesSession: Bool = false
    ) {
        self.account = account
        self.credentials = credentials
        self.accountGroups = accountGroups
        self.executables = executables
        self.wantsNewPrivileges = wantsNewPrivileges
        self.wantsInheritedBoundingSet = wantsInheritedBoundingSet
        self.outlivesDaemon = outlivesDaemon
        self.startDeadline = startDeadline
        self.service = service
        self.authenticates = authenticates
        self.sharesSession = sharesSession
    }
}
