/// What the policy of the helper forbids.
package struct Refusal: Hashable, Sendable {
    /// The reason for a daemon that asks for a job by what is another one's: the message says what differs.
    package static let anotherJob = "another-job"

    /// A stable code: letters, digits, hyphens and dots of ASCII, at most 64.
    package var reason: String

    /// What was refused, by which line of the policy, and what to do about it.
    package var message: String

    package init(reason: String, message: String) {
        self.reason = reason
        self.message = message
    }
}
