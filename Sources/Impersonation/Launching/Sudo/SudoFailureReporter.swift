import CLaunchPlan
import LaunchPlan
import SystemPackage

/// Makes the errors of launches that `sudo` has refused, or failed at.
struct SudoFailureReporter {
    let failures: LaunchFailureReporter
    let launcher: SudoLauncher

    /// The `sudo` of the launcher, if it can be trusted and can work.
    ///
    /// - Throws: ``LaunchError`` with the reason.
    func program() throws(LaunchError) -> SudoProgram {
        // The kernel ignores set-user-ID then, and sudo could only say so. Threads can differ in it.
        let status = (try? ProcFile.read("/proc/thread-self/status")) ?? ""
        guard !status.contains("NoNewPrivs:\t1") else {
            throw error(.noNewPrivileges, "this process can gain no privileges, and so sudo cannot")
        }
        do throws(SudoProgram.Problem) {
            return try SudoProgram(at: launcher.sudo)
        } catch {
            throw self.error(error.refusal, error.message)
        }
    }

    /// The error for a reason.
    func error(_ refusal: SudoRefusal, _ message: String) -> LaunchError {
        let failure = failures.failure(
            refusal.isPolicy ? .refused : .notPermitted,
            .execute,
            nil,
            "\(message); \(refusal.remedy)"
        )
        return failure.because(of: refusal)
    }

    /// The error for a password that nobody has given: `sudo` was not asked, so that nothing was tried.
    func noPassword() -> LaunchError {
        failures.failure(
            .refused,
            .execute,
            nil,
            "no password was given for sudo, so it was not started; let the closure return one, or make the rule NOPASSWD"
        )
        .because(of: .wrongPassword)
    }

    /// The error for what `sudo` has said before it ended.
    func error(of messages: SudoMessages) -> LaunchError {
        let text = messages.text
        let said = text.isEmpty ? "sudo has ended without a word, or was ended" : "sudo did not run the job: \(text)"
        return error(messages.refusal, said)
    }

    /// The error for a step that failed in the launcher.
    ///
    /// What else stands in the way of the switch than a security module is `sudo`'s own settings.
    func error(of reported: launch_failure, in steps: [ChildOperation]) -> LaunchError {
        let step = LaunchStep(rawValue: reported.step)
        switch (step, Errno(rawValue: reported.error)) {
        case (.readPlan, let errno):
            return failures.failure(
                .stepFailed,
                step,
                errno,
                "the launcher does not take the order, because it is of another version, or sudo was asked about something else; "
                    + "install the launcher that belongs to the daemon as \(launcher.launcher)"
            )
        case (.niceness, let errno):
            return failures.failure(
                .stepFailed,
                step,
                errno,
                "the nice value was refused: behind sudo a job cannot have one below the daemon's own"
            )
        case (.resourceLimit, let errno):
            return failures.failure(
                .stepFailed,
                step,
                errno,
                "a limit was refused: behind sudo a job can have no hard limit above the one that sudo and PAM leave"
            )
        default: return failures.failure(of: reported, in: steps)
        }
    }

    /// The error for a launcher that did not answer in time.
    func deadlineExceeded(_ deadline: Duration, _ text: String, isGone: Bool) -> LaunchError {
        let said = text.isEmpty ? "it has said nothing" : "it has said: \(text)"
        let rest = isGone ? "" : "; it could not be ended yet"
        return failures.failure(
            .deadlineExceeded,
            .confirm,
            nil,
            "sudo did not run the launcher within \(deadline), and \(said); look at the name service, at the modules in "
                + "/etc/pam.d/sudo, and whether it asks for a password\(rest)"
        )
    }
}
