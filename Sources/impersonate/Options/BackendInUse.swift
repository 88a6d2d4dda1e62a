import ArgumentParser
import Impersonation
import QubeCompatibility

/// The backend that commands are started by, and whether what else the command line says has an effect with it.
///
/// What has none is refused: somebody has asked for it, and would not get it.
struct BackendInUse {
    /// The backend.
    let choice: BackendChoice

    /// Whether it would start no command at all.
    let startsNothing: Bool

    /// Why it would not, and what to do.
    static let whyNothing =
        "the backend current starts only jobs that keep the worker's account (service_mode = desktop)"
    static let remedyForNothing = "set that in the configuration, or use the backend setuid"

    /// Settles the backend: the one that was named, else the configured one.
    ///
    /// - Parameters:
    ///   - named: The one that the command line names.
    ///   - configuration: The configuration; `nil` where it cannot be used.
    /// - Throws: `ValidationError` where one was named that could not be used.
    init(named: BackendChoice?, _ configuration: WorkerConfiguration?) throws(ValidationError) {
        let isDesktop = configuration?.executionMode.value == .desktop
        if let named, isDesktop, named != .current {
            throw ValidationError(
                "--backend \(named.rawValue) has no effect in desktop mode (service_mode = desktop), where commands keep "
                    + "the account of this process; leave it out"
            )
        }
        choice = named ?? configuration.map { BackendChoice($0.launchBackend.value) } ?? .setuid
        startsNothing = configuration != nil && choice == .current && !isDesktop
    }

    /// Refuses a backend that would start nothing.
    ///
    /// - Throws: `ValidationError` for it.
    func mustStart() throws(ValidationError) {
        guard startsNothing else { return }
        throw ValidationError("\(Self.whyNothing); \(Self.remedyForNothing)")
    }

    /// Refuses options of the helper and of sudo where another backend is used.
    ///
    /// - Parameters:
    ///   - helper: Options that the backends helper and pam heed.
    ///   - sudo: Options that the backend sudo heeds.
    ///   - namesGroup: Whether the primary group is to be named to sudo.
    /// - Throws: `ValidationError` that names the first of them.
    func mustHeed(
        _ helper: HelperOptions,
        _ sudo: SudoOptions,
        namesGroup: Bool = false
    ) throws(ValidationError) {
        try mustHeed(helper.given.first, .helper, .pam, remedy: "leave it out, or use the backend helper or pam")
        let given = sudo.given + (namesGroup ? ["--sudo-names-group"] : [])
        try mustHeed(given.first, .sudo, remedy: "leave it out, or use the backend sudo")
    }

    /// Refuses a directory for cgroups where the helper decides that.
    ///
    /// - Parameter controlGroups: The directory, if there is one.
    /// - Throws: `ValidationError` for it.
    func mustHeed(controlGroups: String?) throws(ValidationError) {
        guard controlGroups != nil, choice == .helper || choice == .pam else { return }
        throw ValidationError(
            "--control-groups has no effect with the backends helper and pam; set control-groups in the helper's policy"
        )
    }

    /// Refuses the direct mode where nothing goes by it.
    ///
    /// - Parameters:
    ///   - isolation: What was asked for.
    ///   - withControlGroups: Whether commands get cgroups.
    /// - Throws: `ValidationError` for it.
    func mustHeed(_ isolation: IsolationChoice, withControlGroups: Bool) throws(ValidationError) {
        guard isolation == .direct else { return }
        try mustHeed("--isolation direct", .setuid, remedy: "leave it out, or use the backend setuid")
        guard withControlGroups else { return }
        throw ValidationError(
            "--isolation direct has no effect with --control-groups, where the command is isolated; leave one of them out"
        )
    }

    private func mustHeed(
        _ option: String?,
        _ heeding: BackendChoice...,
        remedy: String
    ) throws(ValidationError) {
        guard let option, !heeding.contains(choice) else { return }
        throw ValidationError("\(option) has no effect with the backend \(choice.rawValue); \(remedy)")
    }
}
