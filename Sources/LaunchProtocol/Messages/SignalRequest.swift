/// A signal for a running job.
package struct SignalRequest: Hashable, Sendable {
    /// Which of the job's processes get it.
    package enum Target: UInt8, CaseIterable, Sendable {
        /// The process that was started.
        case process = 1

        /// Its process group.
        case group = 2

        /// Every process of the job.
        case tree = 3
    }

    /// The number of the signal, from 1 to 64 (`signal(7)`).
    package var signal: Int32

    package var target: Target

    package init(signal: Int32, target: Target) {
        self.signal = signal
        self.target = target
    }
}
