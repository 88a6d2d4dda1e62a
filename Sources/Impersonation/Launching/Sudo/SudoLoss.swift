import LaunchPlan
import SystemPackage

/// What the end of `sudo` says of its job, where `sudo` may have ended before it: killed by the administrator, by the kernel for
/// want of memory, or by an error of its own.
///
/// `sudo` ends itself with the signal that has ended its command, so the status alone does not tell the two apart. What does: a
/// job that runs, one that nobody has waited for, and what the kernel says of its end: to this process, where it inherits the job,
/// and to whoever has a descriptor of it (Linux 6.15). Without any of that a `SIGKILL` that this process has not sent is nobody's
/// end for certain: `sudo` may have been killed while it closed the session of a job that had ended well. A job without its `sudo`
/// has nobody any more who reports its end, closes its session, or signals it: it is ended as a whole.
struct SudoLoss {
    private let reach: SudoReach
    private let reactor: Reactor
    private let kernelsWord: KernelsWord.Source
    private let isBelieved: () async -> Bool
    private let endRest: () async -> Int

    /// How long whoever has inherited the job may take to wait for it.
    private static let reapingPatience = Duration.seconds(1)
    private static let endPatience = Duration.seconds(5)
    private static let tiePatience = Duration.milliseconds(500)

    /// - Parameters:
    ///   - reach: `sudo` and its job.
    ///   - reactor: Who waits.
    ///   - kernelsWord: Who tells how a process has ended that is not this one's child.
    ///   - isBelieved: Whether this `sudo` ends by every signal that has ended its command.
    ///   - endRest: Kills what there is of the job, and says how many processes are left.
    init(
        of reach: SudoReach,
        on reactor: Reactor,
        asking kernelsWord: @escaping KernelsWord.Source,
        believing isBelieved: @escaping () async -> Bool,
        endingRest endRest: @escaping () async -> Int
    ) {
        self.reach = reach
        self.reactor = reactor
        self.kernelsWord = kernelsWord
        self.isBelieved = isBelieved
        self.endRest = endRest
    }

    /// Makes the end of the job of that of its `sudo`.
    ///
    /// - Parameter outcome: The end of `sudo`.
    /// - Returns: The end of the job; ``LaunchError/Code/statusLost`` where nobody has seen that.
    func judge(_ outcome: JobEnd.Outcome) async -> JobEnd.Outcome {
        guard case .success(var report) = outcome else { return outcome }
        let wasRunning = reach.job.isRunning
        if !wasRunning, report.status == .exited(0) { return await success(report) }
        let signal: Signal? = if case .signaled(let signal, _) = report.status { signal } else { nil }
        guard wasRunning || signal != nil else { return outcome }
        let wasKilledByUs = reach.hasKilled
        // What it is tied to the end of sudo by is a signal, which is on its way.
        if wasRunning { await awaitEnd(for: Self.tiePatience) }
        var end = await word()
        guard wasRunning || isItsOwn(end, signal, wasKilledByUs) else { return outcome }
        report.remainingProcesses = await endRest()
        if reach.job.isRunning, report.remainingProcesses == 0 || wasKilledByUs {
            await awaitEnd(for: Self.endPatience)
        }
        // Whoever was between sudo and the job has ended meanwhile, and with that the job may have become this process's.
        if end == .notYet || end == .unknown { end = await word() }
        switch end {
        case .status(let status): report.status = status
        // It has been sent what ends everything.
        case _ where wasKilledByUs && signal == .kill && !reach.job.isRunning: break
        case .unknown, .notYet: return .failure(lost(signal, afterwards: !wasRunning))
        }
        return .success(report)
    }

    /// Makes the end of the job of that of a `sudo` that has ended well: some do as well when a signal has ended the job.
    private func success(_ report: ExitReport) async -> JobEnd.Outcome {
        var report = report
        switch await word() {
        case .status(let status): report.status = status
        case .unknown, .notYet:
            guard await isBelieved() else {
                return .failure(
                    LaunchError(
                        .statusLost,
                        step: .wait,
                        backend: .sudo,
                        message:
                            "this sudo has exited with 0, which it does as well when SIGSEGV, SIGBUS or SIGPIPE has ended "
                            + "the job, and nobody has seen how process \(reach.job.processID) did; \(SudoProgram.Flavour.endRemedy)"
                    )
                )
            }
        }
        return .success(report)
    }

    /// Whether `sudo` has ended first.
    private func isItsOwn(_ end: KernelsWord, _ signal: Signal?, _ wasKilledByUs: Bool) -> Bool {
        switch end {
        case .notYet: true
        case .status(.signaled(let other, _)) where other != signal: true
        case .status(.exited): true
        // Its job is tied to it, and ends by the same signal.
        case .status, .unknown: signal == .kill && !wasKilledByUs
        }
    }

    /// Somebody else waits for the descriptor already, which the reactor takes once.
    private func awaitEnd(for patience: Duration) async {
        let deadline = ContinuousClock.now + patience
        var delay = Duration.milliseconds(1)
        while reach.job.isRunning, ContinuousClock.now < deadline {
            await reactor.pause(delay)
            delay = min(delay * 2, .milliseconds(50))
        }
    }

    private func word() async -> KernelsWord {
        guard !reach.job.isRunning else { return .notYet }
        let deadline = ContinuousClock.now + Self.reapingPatience
        var delay = Duration.milliseconds(1)
        while true {
            let own = KernelsWord.ofOrphans(reach.job)
            // A descriptor of a process is readable just before its status is to be had.
            let word = own == .unknown ? kernelsWord(reach.job) : own
            guard word == .notYet, ContinuousClock.now < deadline else { return word }
            await reactor.pause(delay)
            delay = min(delay * 2, .milliseconds(100))
        }
    }

    private func lost(_ signal: Signal?, afterwards: Bool) -> LaunchError {
        let process = reach.job.processID
        let rest =
            if reach.job.isRunning {
                "before its job; process \(process) of it still runs, since this daemon may not end it; end it by hand, and give "
                    + "jobs a cgroup (ControlGroups), or permit the launcher's signals in the rule (impersonate sudoers prints it)"
            } else if afterwards {
                "after its job, or by the end of that, and nobody has seen how process \(process) did; Linux tells from 6.15 on"
            } else {
                "before its job; the job was ended with it, and nobody has seen how process \(process) did"
            }
        let cause = signal.map { " by signal \($0.rawValue)" } ?? ""
        return LaunchError(
            .statusLost,
            step: .wait,
            backend: .sudo,
            message: "sudo was ended\(cause) \(rest)"
        )
    }
}
