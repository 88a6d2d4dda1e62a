extension LaunchedProcess {
    /// Waits until the process has ended, and ends the job when its time is up or the calling task is cancelled.
    ///
    /// The job then ends as ``terminate(gracePeriod:)`` ends it: with everything that it has started, as far as
    /// ``LaunchReport/containment`` says. The report is that of its end all the same, and says why it was ended
    /// (``ExitReport/interruption``) and what could not be (``ExitReport/remainingProcesses``). So a child task that waits like
    /// this leaves no job behind when its group is cancelled:
    ///
    /// ```swift
    /// let report = try await process.exitReport(terminatingAfter: .seconds(3_600), gracePeriod: .seconds(10))
    /// switch report.interruption {
    /// case .timeout: print("ended after an hour")
    /// case .cancellation: print("ended, because nobody wants it any more")
    /// case nil: print("ended by itself: \(report.status)")
    /// }
    /// ```
    ///
    /// A job whose first process has ended is reported as it ended: no signal is sent, not even when the calling task was
    /// cancelled before, and what that process has left behind is no matter of this call (``Command/descendants``). Its end may
    /// have to be told yet, where a session of PAM is closed first, or a tracer told first: that is waited for, for a minute. One cancellation or timeout asks for one end, and joins in what others ask for.
    ///
    /// - Parameters:
    ///   - timeout: How long the process may take from this call on; `nil` for as long as it likes.
    ///   - gracePeriod: How long the job may take to end by itself once it was told to.
    /// - Returns: How it ended, what it used, and whether this call has ended it.
    /// - Throws: ``LaunchError`` as ``exitReport()`` and ``terminate(gracePeriod:)`` throw it, with ``LaunchError/interruption``
    ///   where the job was being ended; and with the code `statusLost` when a job had ended before that, and nobody has told how.
    public func exitReport(
        terminatingAfter timeout: Duration? = nil,
        gracePeriod: Duration
    ) async throws(LaunchError) -> ExitReport {
        try await exitReport(
            terminatingAfter: timeout,
            gracePeriod: gracePeriod,
            tellingPatience: Self.tellingPatience
        )
    }

    /// - Parameters:
    ///   - timeout: How long the process may take.
    ///   - gracePeriod: How long the job may take to end by itself once it was told to.
    ///   - tellingPatience: How long an end may take to be told that has come before the job was to be ended.
    /// - Returns: How it ended.
    /// - Throws: ``LaunchError``.
    func exitReport(
        terminatingAfter timeout: Duration?,
        gracePeriod: Duration,
        tellingPatience: Duration
    ) async throws(LaunchError) -> ExitReport {
        let waiting = OneShot<ExitReport.Interruption?>()
        let end = Task { [control] in
            let end = await Result { () async throws(LaunchError) in try await control.exitReport() }
            waiting.settle(nil)
            return end
        }
        let timer = timeout.map { timeout in
            Task {
                try await Task.sleep(for: timeout.reasonable)
                waiting.settle(.timeout)
            }
        }
        // In a task of its own: nothing that is done to end the job is cancelled with the one that waits, or waits for its actor.
        let outcome = Task { [self] in
            await Result { () async throws(LaunchError) in
                let reason = await waiting.value()
                timer?.cancel()
                guard let reason, !hasEnded else { return try await end.value.get() }
                // Its end may have come first and not been told yet: the job has nothing to be ended for then.
                guard isRunning else { return try await told(end, within: tellingPatience) }
                do throws(LaunchError) {
                    var report = try await terminate(gracePeriod: gracePeriod)
                    report.interruption = reason
                    return report
                } catch {
                    throw error.after(reason)
                }
            }
        }
        return try await withTaskCancellationHandler {
            await outcome.value
        } onCancel: {
            waiting.settle(.cancellation)
        }
        .mapError { $0.named(identity.account.name, report.backend) }
        .get()
    }

    /// Longer than the system helper may take to tell an end, which closes a session and waits for a tracer before it does.
    private static let tellingPatience = Duration.seconds(60)

    /// Waits for an end that has come.
    private func told(
        _ end: Task<Result<ExitReport, LaunchError>, Never>,
        within patience: Duration
    ) async throws(LaunchError) -> ExitReport {
        let word = OneShot<Result<ExitReport, LaunchError>>()
        Task { word.settle(await end.value) }
        let untold = LaunchError(
            .statusLost,
            step: .wait,
            account: identity.account.name,
            backend: report.backend,
            message:
                "process \(processID.rawValue) has ended by itself, and nobody has told how within \(patience): look at who "
                + "does, sudo or the system helper, which may stand still while it closes a session; nothing was ended"
        )
        let alarm = Task {
            try await Task.sleep(for: patience)
            // It may be told already, and somebody be about to write it down.
            if !hasEnded { word.settle(.failure(untold)) }
        }
        defer { alarm.cancel() }
        return try await word.value().get()
    }
}
