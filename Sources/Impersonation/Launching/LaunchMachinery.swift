import LaunchPlan
import SystemPackage

/// What every launch of this process shares: the trampoline and the thread that waits.
struct LaunchMachinery {
    let trampoline: Trampoline
    let reactor: Reactor

    /// The machinery of this process, made at the first launch.
    ///
    /// - Parameters:
    ///   - identity: For whom it is needed, for the error.
    ///   - backend: For which backend, for the error.
    /// - Returns: The trampoline and the reactor.
    /// - Throws: ``LaunchError`` when the kernel has no place for the trampoline or no thread.
    static func shared(
        for identity: ExecutionIdentity,
        _ backend: LaunchBackend
    ) throws(LaunchError) -> LaunchMachinery {
        // Looked at before this library makes a descriptor of its own.
        _ = StreamPlumbing.openAtFirstLaunch
        let trampoline: Trampoline
        switch Trampoline.shared {
        case .success(let made): trampoline = made
        case .failure(let error):
            throw LaunchError(
                .notPermitted,
                step: .createTrampoline,
                errno: error,
                account: identity.account.name,
                backend: backend,
                message: "the kernel runs no program from memory (vm.memfd_noexec), and /run, /var/lib, /var/tmp and "
                    + "/tmp are not writable or mounted noexec; allow one of them"
            )
        }
        switch Reactor.shared {
        case .success(let reactor): return LaunchMachinery(trampoline: trampoline, reactor: reactor)
        case .failure(let error):
            throw LaunchError(
                .stepFailed,
                step: .prepare,
                errno: error,
                account: identity.account.name,
                backend: backend,
                message: "the thread that waits for jobs could not be made; look at the daemon's limits of descriptors "
                    + "and threads"
            )
        }
    }
}
