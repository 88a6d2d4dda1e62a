/// Why the policy does not permit something.
package struct PolicyRefusal: Error, Hashable, Sendable {
    /// What it does not permit; the raw value is stable and fits a frame of the protocol.
    package enum Code: String, Sendable, CaseIterable {
        case peer = "peer-not-permitted"
        case account = "account-not-permitted"
        case group = "group-not-permitted"
        case newPrivileges = "new-privileges-forbidden"
        case boundingSet = "bounding-set-not-empty"
        case outlivesDaemon = "job-outlives-daemon"
        case startTime = "start-time-too-long"
        case executable = "executable-not-permitted"
        case service = "pam-service-not-permitted"
        case noSession = "pam-session-required"
        case sharedSession = "pam-session-not-shared"
    }

    /// What it does not permit.
    package let code: Code

    /// For whoever asked.
    ///
    /// Says nothing that he may not know: all reasons for which an account is refused have one text, which an account that
    /// does not exist has as well.
    package let message: String

    /// For the log of the helper: the rule with file and line, and the numbers.
    package let detail: String

    init(_ code: Code, _ message: String, detail: String) {
        self.code = code
        self.message = message
        self.detail = detail
    }
}
