import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

/// Jobs that do what they can to survive their end.
enum StubbornJob {
    /// Forks that leave group and session, and that are deaf to what is polite.
    private static let findable = [
        "in its session": "(trap '' TERM HUP; echo x > READY; while :; do sleep 0.05; done) & exec sleep 1000",
        "in a session of its own":
            "setsid sh -c \"trap '' TERM HUP; echo x > READY; while :; do sleep 0.05; done\" & exec sleep 1000",
        // A letter that joins the parenthesis behind it in /proc/PID/stat.
        "with a name that hides the fields behind it":
            "setsid sh -c 'printf \"\\330\\200\" > /proc/$$/comm; trap \"\" TERM HUP; echo x > READY; "
            + "while :; do sleep 0.05; done' & exec sleep 1000",
        "deaf itself": "trap '' TERM; echo x > READY; while :; do sleep 0.05; done",
        "stopped": "(echo x > READY; kill -STOP 0) & exec sleep 1000",
    ]

    /// And what neither session nor descent tells: a daemon, made by two forks with a session in between.
    ///
    /// A cgroup has it, or whoever is given those who lose their parent.
    private static let lost = [
        "a daemon":
            "setsid sh -c \"(trap '' TERM HUP; echo x > READY; while :; do sleep 0.05; done) & exit\" & wait; exec sleep 1000",
        "a forking swarm":
            "setsid sh -c 'f() { (setsid sh -c \"sleep 0.02\" &) ; }; while :; do f; echo x > READY; done' & exec sleep 1000",
    ]

    /// Those that are found by their session and their descent.
    static let survivors = findable.keys.sorted()

    /// Those that are not, but by a cgroup, or by who is given orphans.
    static let daemons = lost.keys.sorted()

    static let all = (survivors + daemons).sorted()

    /// Starts one of the jobs and waits until it is what it wants to be.
    ///
    /// Its name stands in the environment of each of its processes.
    static func start(
        _ name: String,
        _ launcher: any ProcessLauncher,
        label: String? = nil
    ) async throws -> LaunchedProcess {
        let ready = freshPath("ready")
        let script = try #require(findable[name] ?? lost[name]).replacing("READY", with: ready.string)
        var command = patient(Command(.path("/bin/sh"), arguments: ["-c", script]))
        command.environment = .export(["SURVIVOR": label ?? name])
        let process = try await launcher.launch(command, as: TestBed.alice.identity)
        while !exists(ready) { await Task.yield() }
        return process
    }

    /// The processes that such a job has left.
    static func leftovers(of name: String) throws -> [Int32] {
        try ProcFile.processes()
            .filter { process in
                guard let text = try? ProcFile.read(FilePath("/proc/\(process)/environ")) else { return false }
                return text.split(separator: "\0").contains("SURVIVOR=\(name)")
            }
    }
}
