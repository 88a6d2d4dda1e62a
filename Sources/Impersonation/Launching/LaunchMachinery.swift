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
        func failure(_ code: LaunchError.Code, _ step: LaunchStep, _ errno: Errno, _ message: String) -> LaunchError {
            LaunchError(
                code,
                step: step,
                errno: errno,
                account: identity.account.name,
                backend: backend,
                message: message
            )
        }
        let trampoline: Trampoline
        do throws(Errno) {
            trampoline = try Trampoline.shared()
        } catch {
            guard error != .execFormatError else {
                let message =
                    "the library was built on a machine of another kind and carries that one's trampoline; build it on a "
                    + "machine like this one"
                throw failure(.stepFailed, .createTrampoline, error, message)
            }
            guard [.permissionDenied, .notPermitted, .readOnlyFileSystem].contains(error) else {
                throw failure(.stepFailed, .createTrampoline, error, StepFailureText.describeInDaemon(error))
            }
            throw failure(
                .notPermitted,
                .createTrampoline,
                error,
                "the kernel runs no program from memory (vm.memfd_noexec), and /run, /var/lib, /var/tmp and /tmp are "
                    + "not writable or mounted noexec; allow one of them"
            )
        }
        do throws(Errno) {
            return LaunchMachinery(trampoline: trampoline, reactor: try Reactor.shared())
        } catch {
            throw failure(
                .stepFailed,
                .prepare,
                error,
                "the thread that waits for jobs could not be made; look at the daemon's limits of descriptors and threads"
            )
        }
    }
}
