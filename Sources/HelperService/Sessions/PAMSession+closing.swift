import CHelperService
import CLaunchPlan
import CPAM
import Glibc
import LaunchPlan
import LaunchProtocol

extension PAMSession {
    /// How long each step to the end of a session may take.
    static let closingTime = Duration.seconds(5)

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
    /// For a job whose end nobody has been told of yet: a module that hangs would take it along.
    ///
    /// - Parameter signals: What this process is told by.
    func closeAside(_ signals: OwnedDescriptor) {
        guard !isClosed else { return }
        let child = helper_fork()
        guard child > 0 else {
            if child == 0 { helper_deadline_forget() }
            close(saying: nil, StepDeadline(nil, 0, signals: signals))
            if child == 0 { _exit(0) }
            return
        }
        isClosed = true
        let process = OwnedDescriptor(linux_pidfd_open(child))
        let isDone = !Waiting.wait(for: [process.rawValue], until: .now + Self.closingTime * 5).isEmpty
        if !isDone {
            kill(child, SIGKILL)
            context.log.write(.error, "the session of \(user) with the PAM service \(service) could not be closed")
        }
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
    }

    private func complain(_ code: Int32) {
        context.log.write(
            .error,
            "the session of \(user) with the PAM service \(service) was not closed in order: code \(code)"
        )
    }
}
