import Impersonation

/// What every `ProcessLauncher` has to do, however it starts processes.
///
/// The requirements start real jobs, as the account of ``LauncherUnderTest/identity``, and look at them with programs that
/// every Linux has: `sh`, `cat`, `env`, `id`, `ls`, `mkdir`, `sleep`, `stty`. They need no privilege of the process that tests; the
/// launcher may. Each of them may run beside the others, and leaves nothing behind but what an exempt launcher cannot end,
/// which ends by itself within five minutes.
///
/// ```swift
/// @Test(arguments: ProcessLauncherConformance.requirements)
/// func `keeps`(requirement: ProcessLauncherConformance.Requirement) async throws {
///     try await requirement.check(LauncherUnderTest(MyLauncher(), as: identity))
/// }
/// ```
///
/// What a launcher cannot promise it names with a ``LauncherExemption``. What cannot be seen by ordinary programs is not
/// checked here: whether a job could look into the memory of the daemon on the way, how fast a launch is, and what becomes of
/// jobs when the daemon ends.
public enum ProcessLauncherConformance {
    /// A requirement on a launcher.
    public typealias Requirement = ConformanceRequirement<LauncherUnderTest>

    /// Every requirement.
    public static let requirements: [Requirement] =
        accountRequirements + environmentRequirements + placeRequirements + streamRequirements
        + descriptorRequirements + sessionRequirements + endRequirements + signalRequirements + refusalRequirements
        + loginRequirements + terminalRequirements + treeRequirements + adoptionRequirements

    /// Checks every requirement, for hosts that do not test with Swift Testing.
    ///
    /// - Parameter makeSubject: Gives the launcher and what it is tested with.
    /// - Throws: ``ConformanceFailure`` for the first promise that is broken, or what `makeSubject` throws.
    public static func checkAll(_ makeSubject: () async throws -> LauncherUnderTest) async throws {
        for requirement in requirements {
            try await requirement.check(makeSubject())
        }
    }
}
