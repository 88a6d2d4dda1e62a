import CHelperService
import CLaunchPlan
import CPAM
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

extension PAMSession {
    /// How long each step to the end of a session may take.
    static let closingTime = Duration.seconds(5)

    /// How long a process that closes a session may take: three steps, and what is left of the last of them when its time is up.
    ///
    /// Daemons wait longer (`HelpedProcess.tellingPatience`).
    private static let asideTime = closingTime * 3 + .seconds(3)

    /// How long a process that was killed may take to go.
    private static let killPatience = Duration.seconds(2)

    /// Closes the session, as root, once: what was opened, in the opposite order.
    ///
    /// A module that hangs ends this process. The session is then as closed as it gets.
    ///
    /// - Parameters:
    ///   - words: What the daemon is told in that case; `nil` for nothing.
    ///   - deadline: Who that is.
    ///   - time: How long each step may take.
    func close(
        saying words: HelperMessage?,
        _ deadline: StepDeadline,
        within time: Duration = PAMSession.closingTime
    ) {
        guard !isClosed else { return }
        isClosed = true
        // Modules open sessions with it unblocked, and what they execute, a shell for one, waits for it (`sigsuspend(2)`).
        let isBlocked = helper_child_signal_block(0) == 1
        defer { if isBlocked { _ = helper_child_signal_block(1) } }
        func step(_ body: () -> Int32) {
            let code = deadline.perform(within: time, or: words, body)
            if code != PAM_SUCCESS { complain(code) }
        }
        if isOpen { step { unsafe pam_close_session(handle, 0) } }
        if isEstablished {
            step { unsafe pam_setcred(handle, Int32(bitPattern: UInt32(PAM_DELETE_CRED))) }
        }
        let code = lastCode
        step { unsafe pam_end(handle, code) }
    }

    /// Closes the session in a process of its own, and waits for that.
    ///
    /// For a job whose end is kept until somebody has read of it, or whose orphans go on: a module that hangs would take those along.
    ///
    /// - Parameters:
    ///   - words: What the daemon is told where this process has to close it itself, and a module hangs; `nil` for nothing.
    ///   - deadline: Who that is.
    ///   - letGo: Lets the other process go of what the daemons of the job are told by: it may stand in the kernel for longer than
    ///     this one is there.
    func closeAside(saying words: HelperMessage?, _ deadline: StepDeadline, _ letGo: () -> Void) {
        guard !isClosed else { return }
        let child = helper_fork()
        if child == 0 {
            helper_deadline_forget()
            letGo()
            close(saying: nil, deadline.withoutDaemon)
            _exit(0)
        }
        guard child > 0 else { return close(saying: words, deadline) }
        isClosed = true
        var closer = Closer(process: child)
        if !closer.ends(within: Self.asideTime) {
            // Not reaped, so the number is its own.
            kill(child, SIGKILL)
            // One that stands in the kernel is there until that lets go, and nobody waits for it.
            _ = closer.ends(within: Self.killPatience)
        }
        if closer.status != 0 {
            context.log.write(
                .error,
                "the session of \(user) with the PAM service \(service) could not be closed: "
                    + (closer.status.map { "the process that closed it ended with status \($0)" }
                        ?? "the process that closes it stands in the kernel")
            )
        }
    }

    /// A process that closes a session.
    private struct Closer {
        let process: Int32
        /// How it has ended; `nil` as long as it has not.
        private(set) var status: Int32?
        private var descriptor: OwnedDescriptor?
        private static let pulse = Duration.milliseconds(20)

        init(process: Int32) {
            self.process = process
            let opened = linux_pidfd_open(process)
            descriptor = opened >= 0 ? OwnedDescriptor(opened) : nil
        }

        /// Waits for its end.
        mutating func ends(within time: Duration) -> Bool {
            let deadline = ContinuousClock.now + time
            while !reap() {
                guard ContinuousClock.now < deadline else { return false }
                // Without a descriptor, or with one that tells of an end which a tracer keeps to itself.
                let limit = descriptor == nil ? min(deadline, .now + Self.pulse) : deadline
                let hasEnded = !Waiting.wait(for: [descriptor?.rawValue ?? -1], until: limit).isEmpty
                if hasEnded, !reap() { descriptor = nil }
            }
            return true
        }

        private mutating func reap() -> Bool {
            guard status == nil else { return true }
            var found: Int32 = 0
            while true {
                let result = unsafe waitpid(process, &found, WNOHANG)
                guard result != 0 else { return false }
                if result < 0, errno == EINTR { continue }
                // A module may have had the kernel reap it, which does not tell how it ended.
                status = result < 0 ? 0 : found
                return true
            }
        }
    }

    private func complain(_ code: Int32) {
        context.log.write(
            .error,
            "the session of \(user) with the PAM service \(service) was not closed in order: code \(code)"
        )
    }
}
