import ArgumentParser

extension ExitCode {
    /// What this tool was to do was not done: refused, not decidable, not started, not ended, or nobody knows how it ended.
    ///
    /// `timeout(1)`, `env(1)` and `chroot(1)` use the status for what they cannot do, too.
    static let refused = ExitCode(125)

    /// Ended because its time was up, as `timeout(1)` has it.
    static let timedOut = ExitCode(124)

    /// Ended by a signal, as shells have it.
    static func signaled(_ number: Int32) -> ExitCode { ExitCode(128 + number) }
}
