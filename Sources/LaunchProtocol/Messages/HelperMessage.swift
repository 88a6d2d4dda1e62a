/// What the helper tells a launcher; the sequence number of the frame names the launch it is about.
package enum HelperMessage: Hashable, Sendable {
    /// The answer to the first message of a connection.
    case welcome(Welcome)

    /// The program runs; its pidfd comes with the frame.
    case started(StartedReport)

    /// The job was not started; nothing of it has run.
    case failed(FailureReport)

    /// The job has ended.
    case exited(HelperExitReport)

    /// The policy of the helper forbids what was asked for.
    case refused(Refusal)
}
