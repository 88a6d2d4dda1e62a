import CHelperService
import CPAM
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

    private func complain(_ code: Int32) {
        context.log.write(
            .error,
            "the session of \(user) with the PAM service \(service) was not closed in order: code \(code)"
        )
    }
}
