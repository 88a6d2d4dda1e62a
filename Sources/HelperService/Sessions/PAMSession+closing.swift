import CHelperService
import CPAM
import LaunchProtocol

extension PAMSession {
    /// How long each step to the end of a session may take.
    private static let closingTime = Duration.seconds(10)

    /// Closes the session, as root, once: what was opened, in the opposite order.
    ///
    /// A module that hangs ends this process. The session is then as closed as it gets.
    ///
    /// - Parameter words: What the daemon is told in that case; `nil` for nothing.
    func close(saying words: HelperMessage?) {
        guard !isClosed else { return }
        isClosed = true
        let words = words ?? Self.hanging(.close, service)
        if isOpen { step(or: words) { unsafe pam_close_session(handle, 0) } }
        if isEstablished {
            step(or: words) { unsafe pam_setcred(handle, Int32(bitPattern: UInt32(PAM_DELETE_CRED))) }
        }
        let code = lastCode
        step(or: words) { unsafe pam_end(handle, code) }
    }

    private func step(or words: HelperMessage, _ body: () -> Int32) {
        lastCode = deadline.perform(within: Self.closingTime, or: words, body)
        guard lastCode != PAM_SUCCESS else { return }
        context.log.write(
            .error,
            "the session of \(user) with the PAM service \(service) was not closed in order: code \(lastCode)"
        )
    }
}
