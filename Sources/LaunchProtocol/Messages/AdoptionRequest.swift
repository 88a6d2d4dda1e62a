/// Which job is to be taken over: whoever looks after another one keeps it, and how it has ended.
package struct AdoptionRequest: Hashable, Sendable {
    /// The process id that the job was reported with.
    package var processID: Int32

    /// The user id of the account that it is to run as.
    package var userID: UInt32

    package init(processID: Int32, userID: UInt32) {
        self.processID = processID
        self.userID = userID
    }
}
