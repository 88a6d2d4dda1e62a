/// A program that runs.
package struct StartedReport: Hashable, Sendable {
    /// The process id of the job.
    ///
    /// The pidfd is what it is waited for and told apart by; the number may come again.
    package var processID: Int32

    /// Whether the job started in its fallback directory.
    package var fellBack: Bool

    /// The time from the order to the confirmed start, in nanoseconds, as the helper measured it.
    package var startNanoseconds: UInt64

    package init(processID: Int32, fellBack: Bool, startNanoseconds: UInt64) {
        self.processID = processID
        self.fellBack = fellBack
        self.startNanoseconds = startNanoseconds
    }
}
