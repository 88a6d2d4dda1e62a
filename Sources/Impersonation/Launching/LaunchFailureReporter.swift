import CLaunchPlan
import LaunchPlan
import SystemPackage

/// Makes the errors of one launch: each names the account, the backend and the step.
struct LaunchFailureReporter {
    let identity: ExecutionIdentity
    let backend: LaunchBackend

    /// Whether the job is not started, but taken over.
    var isOfAdoption = false

    /// Refuses an identity that keeps the account of the daemon: backends that switch would make more of it than it is.
    ///
    /// - Throws: ``LaunchError`` with the code `unsuitableBackend`.
    func mustSwitchAccount() throws(LaunchError) {
        guard identity.method != .switchAccount else { return }
        throw failure(
            .unsuitableBackend,
            .prepare,
            nil,
            "the identity keeps the account of the worker (desktop mode); use the current backend for it"
        )
    }

    /// Refuses a job that may gain privileges and would keep the bounding set which it is to lose.
    ///
    /// - Throws: ``LaunchError`` with the code `notPermitted`.
    func mustEmptyBoundingSet(of command: Command, from daemon: DaemonFacts) throws(LaunchError) {
        let isKept = daemon.wouldKeepBoundingSet(
            emptiesBoundingSet: command.capabilityBoundingSet == .empty,
            noNewPrivileges: command.noNewPrivileges
        )
        guard isKept else { return }
        throw failure(
            .notPermitted,
            .prepare,
            nil,
            "the job may gain privileges and is to have an empty capability bounding set, which the daemon cannot give it without "
                + "CAP_SETPCAP; give the daemon that, keep noNewPrivileges, or ask for the inherited set"
        )
    }

    /// An error of this launch.
    func failure(
        _ code: LaunchError.Code,
        _ step: LaunchStep,
        _ errno: Errno?,
        _ message: String,
        sessionRefusal: SessionRefusal? = nil
    ) -> LaunchError {
        let error = LaunchError(
            code,
            step: step,
            errno: errno,
            account: identity.account.name,
            backend: backend,
            message: message,
            sessionRefusal: sessionRefusal
        )
        return isOfAdoption ? error.ofAdoption() : error
    }

    /// The error for a step that failed in the child.
    ///
    /// - Parameters:
    ///   - failed: What the interpreter reported.
    ///   - steps: The plan it ran.
    /// - Returns: The error, with what happened and what to do about it.
    func failure(of failed: launch_failure, in steps: [ChildOperation]) -> LaunchError {
        let step = LaunchStep(rawValue: failed.step)
        let errno = Errno(rawValue: failed.error)
        let operation = Int(failed.operation) < steps.count ? steps[Int(failed.operation)] : nil
        let code: LaunchError.Code =
            switch StepFailureText.kind(of: failed) {
            case .step, .withdrawal: .stepFailed
            case .program: .executableNotStarted
            case .verification: .verificationFailed
            }
        return failure(
            code,
            step,
            errno,
            StepFailureText.describe(operation?.launchStep == step ? operation : nil, errno: errno)
        )
    }

    /// The error for a program that did not run in time.
    ///
    /// - Parameters:
    ///   - deadline: The time it had.
    ///   - isGone: Whether the child was ended.
    ///   - isWithdrawn: Whether the child cannot become the job any more, whenever it goes on.
    /// - Returns: The error.
    func deadlineExceeded(_ deadline: Duration, isGone: Bool = true, isWithdrawn: Bool = true) -> LaunchError {
        let rest =
            switch (isGone, isWithdrawn) {
            case (true, _): ""
            case (false, true): "; the child could not be ended yet, and ends when it goes on"
            case (false, false):
                "; the child stands still in its exec and could not be ended, so that the program may still run: a "
                    + "daemon that is not root needs CAP_KILL for that"
            }
        return failure(
            .deadlineExceeded,
            .confirm,
            nil,
            "the program did not run within \(deadline); look at the file systems of the program and of the working "
                + "directory, or for processes of the account that stop others\(rest)"
        )
    }

    /// The error for a launch that was withdrawn by a cancellation.
    func cancelled() -> LaunchError {
        failure(.cancelled, .confirm, nil, "the task was cancelled before the program ran")
    }

    /// The error for a child that somebody else has ended.
    func endedBeforeStart() -> LaunchError {
        failure(
            .endedBeforeStart,
            .confirm,
            nil,
            "the child was ended before the program ran; look for processes of the account that kill others, or for the "
                + "out-of-memory killer"
        )
    }

    /// The error for a job that is not what it was to become, seen from outside.
    ///
    /// - Parameter difference: What differs.
    /// - Returns: The error.
    func differs(_ difference: String) -> LaunchError {
        failure(
            .verificationFailed,
            .verifyOutside,
            nil,
            "the process was ended because \(difference); look for a security module on the daemon"
        )
    }

    /// The error for a process that was to be taken over and is not the job.
    ///
    /// - Parameters:
    ///   - processID: The process.
    ///   - difference: What differs.
    /// - Returns: The error.
    func isNotMeant(_ processID: Int32, because difference: String) -> LaunchError {
        failure(
            .verificationFailed,
            .verifyOutside,
            nil,
            "process \(processID) is not the job that is meant, because \(difference); it was left alone"
        )
    }

    /// Runs a part of the launch and names account and backend in its error.
    func reporting<R>(_ body: () throws(LaunchError) -> R) throws(LaunchError) -> R {
        do {
            return try body()
        } catch {
            let failure = failure(error.code, error.step, error.errno, error.message)
            throw error.sudoRefusal.map { failure.because(of: $0) } ?? failure
        }
    }

    /// Encodes a plan.
    func encoding(_ steps: [ChildOperation], kind: EncodedPlan.Kind) throws(LaunchError) -> EncodedPlan {
        do {
            return try EncodedPlan(steps, kind: kind)
        } catch {
            throw failure(.invalidCommand, .prepare, nil, error.message)
        }
    }

    /// Runs a step of the daemon and makes an error of what the kernel says.
    func performing<R>(_ step: LaunchStep, _ body: () throws(Errno) -> R) throws(LaunchError) -> R {
        do {
            return try body()
        } catch {
            throw failure(.stepFailed, step, error, StepFailureText.describeInDaemon(error))
        }
    }
}
