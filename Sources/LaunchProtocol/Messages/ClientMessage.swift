/// What a launcher tells the helper; the sequence number of the frame names the launch it is about.
package enum ClientMessage: Hashable, Sendable {
    /// The first message of a connection: the version of the protocol that the launcher speaks.
    case hello(version: UInt16)

    /// Starts a job; its descriptors come with the frame, in the order of ``LaunchOrder/descriptorTargets``.
    case launch(LaunchOrder)

    /// Takes over a job whose daemon is gone; the only first message at the job's own socket.
    case adopt(AdoptionRequest)

    /// Gives a launch up that is not confirmed yet.
    case withdraw

    /// Sends a signal to a running job.
    case signal(SignalRequest)

    /// Asks a job to end, and ends all of it once the grace period is over.
    case terminate(gracePeriodMilliseconds: UInt32)
}
