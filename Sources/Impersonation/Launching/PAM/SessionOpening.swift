import LaunchPlan
import LaunchProtocol
import SystemPackage

/// The session of PAM that a launch asks the system helper for.
struct SessionOpening {
    let service: String

    /// The password, in a pipe that whoever reads it empties; `nil` where none is to be proven.
    let password: OwnedDescriptor?

    /// How long the session is to stay open for other jobs; `nil` for one of its own.
    let idleTime: Duration?

    /// What the helper is asked for.
    ///
    /// What a command leaves as it is by itself, the modules may set: limits of `pam_limits`, the mask of `pam_umask`.
    func order(for command: Command) -> SessionOrder {
        let usual = Command(command.executable)
        var yields: SessionOrder.Yields = []
        if command.fileModeCreationMask == usual.fileModeCreationMask { yields.insert(.fileModeCreationMask) }
        if command.niceness == usual.niceness { yields.insert(.niceness) }
        for (resource, limit) in command.resourceLimits.all where limit == usual.resourceLimits[resource] {
            yields.formUnion(.limit(resource.rawValue))
        }
        return SessionOrder(
            service: Array(service.utf8),
            authenticates: password != nil,
            yields: yields,
            idleMilliseconds: idleTime.map { UInt32(clamping: max(1, $0.milliseconds)) } ?? 0
        )
    }
}
