/// The PAM session that a job has.
package struct SessionReport: Hashable, Sendable {
    /// Groups that modules have added to those of the order, ascending.
    package var addedGroups: [UInt32]

    /// What modules had to say, for a person.
    package var messages: [String]

    /// Whether other jobs have it too.
    package var isShared: Bool

    package init(addedGroups: [UInt32] = [], messages: [String] = [], isShared: Bool = false) {
        self.addedGroups = addedGroups
        self.messages = messages
        self.isShared = isShared
    }
}

/// What PAM has answered where it did not say yes.
package struct SessionVerdict: Hashable, Sendable {
    /// PAM's own code (`pam(3)`).
    package var code: Int32

    /// What PAM calls it (`pam_strerror(3)`).
    package var text: String

    /// Whether a module has asked for the password, and got it: without, the answer is none about the password.
    package var hasSeenPassword: Bool

    /// Whether a module has asked for something that nobody could answer: whatever the code, it may be the answer to that.
    package var wasAskedMore: Bool

    /// What modules had to say, for a person.
    package var messages: [String]

    package init(
        code: Int32,
        text: String,
        hasSeenPassword: Bool = false,
        wasAskedMore: Bool = false,
        messages: [String] = []
    ) {
        self.wasAskedMore = wasAskedMore
        self.code = code
        self.text = text
        self.hasSeenPassword = hasSeenPassword
        self.messages = messages
    }
}
