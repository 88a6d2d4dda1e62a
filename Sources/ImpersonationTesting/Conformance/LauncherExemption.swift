/// A promise of ``ProcessLauncherConformance`` that a launcher cannot keep as it stands, and says so.
///
/// Nothing is left out for an exemption: the requirement checks what its description says is left of the promise. Where that
/// can be seen, it is also a failure to claim an exemption and to keep the promise all the same, so that no launcher has one
/// that it does not need (any more).
public enum LauncherExemption: String, Sendable, Hashable, CaseIterable {
    /// The bounding set of capabilities is not emptied, because the daemon has no right to (`CAP_SETPCAP`) or because
    /// another program switches to the account.
    ///
    /// What is left: a job cannot gain what is in it (`no_new_privs`).
    case boundingSetIsKept

    /// A job is nothing but its first process to the launcher, which has no right to signal the others and no cgroup.
    ///
    /// What is left: the first process ends when it is told to, and ``Impersonation/ExitReport/remainingProcesses`` or
    /// ``Impersonation/LaunchReport/containment`` says that others may be left.
    case onlyTheFirstProcessIsEnded

    /// Whoever opens the session of the job gives it variables, as modules of PAM do.
    ///
    /// What is left: the account's variables and the submitter's are there, each of them once.
    case sessionHasVariables

    /// A job gets no terminal: nobody on the way has the right to give one away (`CAP_CHOWN`).
    ///
    /// What is left: a command that asks for one is refused, and nothing runs without.
    case terminalsAreRefused

    /// Jobs have no cgroup, so that nothing holds a limit for all their processes together.
    ///
    /// What is left: a command that asks for one is refused (``Impersonation/LaunchError/Code/notPermitted``), and nothing runs
    /// without.
    case treeLimitsAreRefused

    /// A job cannot be taken over, or not as long as the daemon that has launched it is there.
    ///
    /// What is left: whoever tries gets an error, and the job is none the worse for it.
    case jobsAreNotTakenOver
}

extension LauncherExemption: CustomStringConvertible {
    /// The exemption as it is spelled here.
    public var description: String { rawValue }
}
