import CLaunchPlan

extension HelperContext {
    /// What becomes of a job whose process of the helper did not end in order, for the log.
    ///
    /// Nobody else knows what the job has started: its first process ends with the process of the helper, by the kernel, and only a
    /// cgroup has the others.
    ///
    /// - Parameter states: What that process was doing.
    /// - Returns: The text.
    func fate(ofJobs states: [MonitorTable.State]) -> String {
        let mayKill: UInt32 = 5
        let outlivesDaemon = states.contains { state in
            if case .keeping = state { true } else { false }
        }
        if outlivesDaemon { return "its job was to outlive its daemon, and goes on with nobody to look after it" }
        let hadEnded = states.allSatisfy { state in
            switch state {
            case .leaving, .remembering: true
            case .free, .parked, .greeting, .serving, .keeping, .holding: false
            }
        }
        guard !hadEnded else {
            let rest = controlGroups == nil ? "may go on" : "is ended, unless it was to go on"
            return "its job had ended or was not started, and nobody is told any more how; what that has left \(rest)"
        }
        if controlGroups != nil { return "its job is ended, if it had started one" }
        guard launch_has_capability(mayKill) == 1 else {
            return "its job may go on, because the helper has no CAP_KILL; look for processes of the account"
        }
        return
            "the first process of its job is ended; what that has started may go on, because the job has no cgroup: look for "
            + "processes of the account, unless it had started none yet"
    }
}
