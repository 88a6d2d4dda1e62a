public import Impersonation
public import SystemPackage

/// A launcher and what ``ProcessLauncherConformance`` needs to put it to the test.
///
/// ```swift
/// let found = try await NSSAccountDirectory().account(named: AccountName("render"), freshness: .current)
/// let account = try #require(found)
/// let subject = LauncherUnderTest(MyLauncher(), as: try await .forTesting(account: account))
/// ```
public struct LauncherUnderTest: Sendable {
    /// The launcher.
    public var launcher: any ProcessLauncher

    /// Whom its jobs run as: an account of this machine that is not the superuser, with a home directory that it can enter.
    public var identity: ExecutionIdentity

    /// Whom jobs run as that cannot enter their home directory.
    ///
    /// `nil` is the same account with a home directory that does not exist. A launcher that asks a name service of its own
    /// needs an account that is like that.
    public var homeless: ExecutionIdentity?

    /// The promises that the launcher cannot keep as they stand.
    public var exemptions: Set<LauncherExemption>

    /// A directory where the account may make files, and that this process may look into.
    public var scratchDirectory: FilePath

    /// How long a launch, or anything else that is to happen soon, may take before that is a failure.
    ///
    /// No correct launcher needs it; a machine with much else to do may.
    public var patience: Duration

    /// Creates a subject.
    ///
    /// - Parameters:
    ///   - launcher: The launcher.
    ///   - identity: Whom its jobs run as.
    ///   - homeless: Whom jobs run as that cannot enter their home directory.
    ///   - exemptions: The promises that the launcher cannot keep as they stand.
    ///   - scratchDirectory: A directory where the account may make files.
    ///   - patience: How long a launch may take before that is a failure.
    public init(
        _ launcher: any ProcessLauncher,
        as identity: ExecutionIdentity,
        homeless: ExecutionIdentity? = nil,
        exemptions: Set<LauncherExemption> = [],
        scratchDirectory: FilePath = "/tmp",
        patience: Duration = .seconds(60)
    ) {
        self.launcher = launcher
        self.identity = identity
        self.homeless = homeless
        self.exemptions = exemptions
        self.scratchDirectory = scratchDirectory
        self.patience = patience
    }

    /// Chooses between a promise and what an exemption leaves of it.
    ///
    /// - Parameters:
    ///   - exemption: The exemption.
    ///   - isKept: Whether the launcher keeps the promise as it stands.
    ///   - message: What is wrong when it does not.
    /// - Throws: ``Violation`` when the promise is broken, or kept in spite of an exemption.
    func demand(
        unless exemption: LauncherExemption,
        _ isKept: Bool,
        _ message: @autoclosure () -> String
    ) throws(Violation) {
        guard exemptions.contains(exemption) else {
            guard isKept else { throw Violation(message: message()) }
            return
        }
        guard !isKept else {
            throw Violation(message: "the exemption \(exemption) is claimed, but the promise is kept; leave it out")
        }
    }
}
