extension Report {
    private enum CodingKeys: String, CodingKey {
        case outcome, login, requested, mode, account, domain, uid, gid, groups, reason, message, rules, alternatives
        case executable, backend, pid, status, step, errno, usage, timings, containment, attestation
        case workingDirectory = "working_directory"
        case omittedVariables = "omitted_variables"
        case timedOut = "timed_out"
        case remainingProcesses = "remaining_processes"
    }

    /// Writes every key of a decision, and those of a launch on the same level when there was one.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(outcome, forKey: .outcome)
        try container.encode(login, forKey: .login)
        try container.encode(requested, forKey: .requested)
        try container.encode(mode, forKey: .mode)
        try container.encode(account, forKey: .account)
        try container.encode(domain, forKey: .domain)
        try container.encode(uid, forKey: .uid)
        try container.encode(gid, forKey: .gid)
        try container.encode(groups, forKey: .groups)
        try container.encode(reason, forKey: .reason)
        try container.encode(message, forKey: .message)
        try container.encode(rules, forKey: .rules)
        try container.encode(alternatives, forKey: .alternatives)
        guard let launch else { return }
        try container.encode(launch.executable, forKey: .executable)
        try container.encode(launch.backend, forKey: .backend)
        try container.encode(launch.pid, forKey: .pid)
        try container.encode(launch.workingDirectory, forKey: .workingDirectory)
        try container.encode(launch.containment, forKey: .containment)
        try container.encode(launch.attestation, forKey: .attestation)
        try container.encode(launch.omittedVariables, forKey: .omittedVariables)
        try container.encode(launch.status, forKey: .status)
        try container.encode(launch.timedOut, forKey: .timedOut)
        try container.encode(launch.remainingProcesses, forKey: .remainingProcesses)
        try container.encode(launch.step, forKey: .step)
        try container.encode(launch.errno, forKey: .errno)
        try container.encode(launch.usage, forKey: .usage)
        try container.encode(launch.timings, forKey: .timings)
    }

    /// Reads what ``encode(to:)`` writes.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        outcome = try container.decode(String.self, forKey: .outcome)
        login = try container.decodeIfPresent(String.self, forKey: .login)
        requested = try container.decodeIfPresent(String.self, forKey: .requested)
        mode = try container.decodeIfPresent(String.self, forKey: .mode)
        account = try container.decodeIfPresent(String.self, forKey: .account)
        domain = try container.decodeIfPresent(String.self, forKey: .domain)
        uid = try container.decodeIfPresent(UInt32.self, forKey: .uid)
        gid = try container.decodeIfPresent(UInt32.self, forKey: .gid)
        groups = try container.decodeIfPresent([UInt32].self, forKey: .groups)
        reason = try container.decode(String.self, forKey: .reason)
        message = try container.decode(String.self, forKey: .message)
        rules = try container.decode([Rule].self, forKey: .rules)
        alternatives = try container.decode([String].self, forKey: .alternatives)
        guard let executable = try container.decodeIfPresent(String.self, forKey: .executable) else { return }
        var launch = Launch(executable: executable)
        launch.backend = try container.decodeIfPresent(String.self, forKey: .backend)
        launch.pid = try container.decodeIfPresent(Int32.self, forKey: .pid)
        launch.workingDirectory = try container.decodeIfPresent(String.self, forKey: .workingDirectory)
        launch.containment = try container.decodeIfPresent(Containment.self, forKey: .containment)
        launch.attestation = try container.decodeIfPresent(String.self, forKey: .attestation)
        launch.omittedVariables = try container.decodeIfPresent([String].self, forKey: .omittedVariables)
        launch.status = try container.decodeIfPresent(Status.self, forKey: .status)
        launch.timedOut = try container.decode(Bool.self, forKey: .timedOut)
        launch.remainingProcesses = try container.decodeIfPresent(Int.self, forKey: .remainingProcesses)
        launch.step = try container.decodeIfPresent(String.self, forKey: .step)
        launch.errno = try container.decodeIfPresent(Int32.self, forKey: .errno)
        launch.usage = try container.decodeIfPresent(Usage.self, forKey: .usage)
        launch.timings = try container.decodeIfPresent(Timings.self, forKey: .timings)
        self.launch = launch
    }
}
