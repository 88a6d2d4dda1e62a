import Testing

@testable import HelperService

@Suite("What a policy permits, for a person")
struct RenderingTests {
    @Test
    func `Numbers stand beside the names they were resolved from`() throws {
        let policy = try HelperPolicy.reading(
            #"""
            peers = renderd @farm 991
            accounts = "MYCORP\\alice" @render 2002
            denied-accounts = bob
            denied-groups = disk 42
            executable-directories = /opt/farm/bin
            maximum-jobs-per-peer = 16
            control-groups = /sys/fs/cgroup/jobs
            """#
        )
        #expect(
            policy.summary == [
                "policy: /etc/impersonation/helper.conf",
                "daemons: renderd (uid 990), uid 991, members of farm (gid 3101)",
                #"accounts: MYCORP\alice (uid 11103), uid 2002, members of render (gid 3001); uid 1000 and above; "#
                    + "never uid 0",
                "denied accounts: bob (uid 2002)",
                "groups: all; gid 1 and above; never gid 0",
                "denied groups: disk (gid 6), gid 42",
                "programs: those of root in /opt/farm/bin",
                "privileges by exec: forbidden (no_new_privs is always on)",
                "capability bounding set: always emptied",
                "when a daemon ends: its jobs are killed",
                "jobs at once: 1024, of one daemon 16",
                "time to start: 30 s",
                "control groups: /sys/fs/cgroup/jobs",
                "variables of jobs: those of the account and the language",
                "PAM services: none",
                "PAM sessions: optional",
                "sessions that jobs share: none",
                "a session that cannot be opened: its job is refused",
            ]
        )
        #expect(policy.render() == policy.summary.map { $0 + "\n" }.joined())
    }

    @Test
    func `What is wide open is said plainly`() throws {
        let text =
            try HelperPolicy.with(
                "new-privileges = allowed\ncapability-bounding-set = inherited-allowed\nwhen-daemon-ends = keep-allowed\n"
                    + "pam-session-failure = continue"
            )
            .render()
        for line in [
            "accounts: all; uid 1000 and above; never uid 0", "denied accounts: none", "programs: all",
            "privileges by exec: allowed", "capability bounding set: a job may keep the helper's",
            "when a daemon ends: a job may stay", "control groups: none",
            "a session that cannot be opened: its job runs without",
        ] { #expect(text.contains("\n\(line)\n")) }
    }
}
