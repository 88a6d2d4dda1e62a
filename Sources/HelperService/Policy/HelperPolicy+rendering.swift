import SystemPackage

extension HelperPolicy {
    /// What the policy permits, one line for each subject, with the numbers that were resolved beside the names.
    ///
    /// For `impersonation-helper --check-policy`.
    package var summary: [String] {
        let subjects: [(String, String)] = [
            ("policy", path.string.onOneLine),
            ("daemons", peers.rendered()),
            ("accounts", "\(accounts.rendered()); uid \(minimumUserID) and above; never uid 0"),
            ("denied accounts", deniedAccounts.rendered()),
            ("groups", "\(groups.rendered(users: "gid")); gid \(minimumGroupID) and above; never gid 0"),
            ("denied groups", deniedGroups.rendered(users: "gid")),
            ("programs", renderedPrograms),
            ("privileges by exec", newPrivileges.isPermitted ? "allowed" : "forbidden (no_new_privs is always on)"),
            (
                "capability bounding set",
                inheritedBoundingSet.isPermitted ? "a job may keep the helper's" : "always emptied"
            ),
            ("when a daemon ends", keepingJobs.isPermitted ? "a job may stay" : "its jobs are killed"),
            ("jobs at once", "\(maximumJobs), of one daemon \(maximumJobsPerPeer)"),
            ("time to start", "\(maximumStartTime.components.seconds) s"),
            ("control groups", controlGroups.map(\.string.onOneLine) ?? "none"),
            ("variables of jobs", renderedEnvironment),
            ("PAM services", sessionServices.isEmpty ? "none" : sessionServices.joined(separator: ", ")),
            ("PAM sessions", sessionDemand.rawValue),
            ("sessions that jobs share", renderedSharing),
            (
                "a session that cannot be opened",
                startsWithoutSession.isPermitted ? "its job runs without" : "its job is refused"
            ),
        ]
        return subjects.map { "\($0.0): \($0.1)" }
    }

    /// ``summary`` as one text.
    package func render() -> String { summary.joined(separator: "\n") + "\n" }

    private var renderedEnvironment: String {
        guard executables != nil else { return "all that cannot harm them" }
        return (["those of the account and the language"] + environment.sorted()).joined(separator: ", ")
    }

    private var renderedSharing: String {
        let seconds = sessionIdleTime.components.seconds
        return seconds == 0 || sessionServices.isEmpty
            ? "none" : "closed \(seconds) s after the last of them at the latest"
    }

    private var renderedPrograms: String {
        guard let executables else { return "all" }
        let list = executables.directories.map(\.string.onOneLine).joined(separator: ", ")
        return "those of root in \(list)"
    }
}
