/// A job that was not started.
package struct FailureReport: Hashable, Sendable {
    /// What kind of failure it was.
    package enum Code: UInt16, CaseIterable, Sendable {
        /// The order cannot be run as it is described.
        case invalidOrder = 1

        /// The helper lacks a privilege, or the kernel a feature, that the launch needs.
        case notPermitted = 2

        /// A step on the way to the program failed.
        case stepFailed = 3

        /// The program was not found, or the account may not run it.
        case executableNotStarted = 4

        /// What the kernel says of the process is not what was asked for; it was ended.
        case verificationFailed = 5

        /// The program did not run within the deadline; the launch was given up.
        case deadlineExceeded = 6

        /// The process ended before the program ran.
        case endedBeforeStart = 7

        /// The launcher gave the launch up before the program ran.
        case withdrawn = 8

        /// PAM does not let the account in.
        case accountRefused = 9

        /// PAM could not open the session.
        case sessionFailed = 10

        /// Whoever knows the account does not answer.
        case directoryUnavailable = 11
    }

    package var code: Code

    /// The step that failed (`launch_step` in `launch_plan.h`); 0 when it was none.
    package var step: UInt32

    /// The error number of the kernel; 0 when it was no system call that failed.
    package var errno: Int32

    /// What happened and what to do about it.
    package var operationText: String

    /// What PAM has answered, where it was PAM.
    package var verdict: SessionVerdict?

    package init(code: Code, step: UInt32, errno: Int32, operationText: String, verdict: SessionVerdict? = nil) {
        self.code = code
        self.step = step
        self.errno = errno
        self.operationText = operationText
        self.verdict = verdict
    }
}
