import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import LaunchPlan

/// The process of a helper that keeps a session of PAM, and what it has forked.
struct KeptSessionProcesses {
    let keeper: pid_t

    /// The one that has opened the last session of a service.
    init(_ service: PAMService) throws {
        keeper = try #require(service.records.last { $0.stage == "open" }).process
    }

    /// How many wait for jobs.
    static let waitingCount = 2

    /// Those that it has forked: some have jobs, and the others wait for one.
    var children: [pid_t] { Self.children(of: keeper) }

    /// Those that have a job.
    var withJobs: [pid_t] { children.filter { !Self.children(of: $0).isEmpty } }

    /// Those that wait for a job, once all others have one: what closes descriptors aside, for one, has none either, and ends.
    ///
    /// - Parameter isStopped: Whether they are stopped, which takes them out of the system call.
    /// - Returns: They.
    /// - Throws: When they are overdue.
    func waiting(stopped isStopped: Bool = false) async throws -> [pid_t] {
        var found: Set<pid_t> = []
        try await wait {
            found = Set(children).subtracting(withJobs)
            return found.count == Self.waitingCount
                && found.allSatisfy { isStopped ? Self.state(of: $0) == "T" : Self.waitsForMessages($0) }
        }
        return found.sorted()
    }

    /// Stops the one that keeps the session, and those that wait for a job: what comes to the session stays on its way.
    func stop() async throws { try await Self.stop(waiting() + [keeper]) }

    static func stop(_ processes: [pid_t]) async throws {
        for process in processes {
            try #require(kill(process, SIGSTOP) == 0)
            try await wait { state(of: process) == "T" }
        }
    }

    /// Lets those go on.
    func goOn() {
        for process in children + [keeper] { _ = kill(process, SIGCONT) }
    }

    static func children(of process: pid_t) -> [pid_t] {
        let text = (try? ProcFile.read(FilePath("/proc/\(process)/task/\(process)/children"))) ?? ""
        return text.split(separator: " ").compactMap { pid_t($0) }
    }

    /// The letter of `/proc`; none when it is gone.
    static func state(of process: pid_t) -> Character? {
        (try? ProcessStat(of: process)).map { Character(Unicode.Scalar($0.state)) }
    }

    /// Whether it stands still in the kernel: the thread that a sanitizer's runtime has may do so alone, at the end of its process.
    static func hangs(_ process: pid_t) -> Bool {
        guard let directory = unsafe opendir("/proc/\(process)/task") else { return false }
        defer { unsafe closedir(directory) }
        return unsafe DirectoryNames(directory)
            .contains { thread in
                (try? ProcFile.read(FilePath("/proc/\(process)/task/\(thread)/stat")))?.contains(") D ") == true
            }
    }

    /// Whether it waits for a word of memory that it shares (`futex(2)`).
    static func waitsForOthers(_ process: pid_t) -> Bool { isIn(["202", "98"], process) }

    /// Whether it waits for something to be read (`poll(2)`), with all descriptors that it needs for that; one that was stopped
    /// meanwhile does so in `restart_syscall(2)`.
    static func waitsForMessages(_ process: pid_t) -> Bool { isIn(["7", "73", "219", "128"], process) }

    /// Whether it is in one of several system calls: their numbers, for each kind of processor.
    private static func isIn(_ calls: Set<String>, _ process: pid_t) -> Bool {
        let text = (try? ProcFile.read(FilePath("/proc/\(process)/syscall"))) ?? ""
        return calls.contains(String(text.prefix { $0 != " " }))
    }
}

/// Waits until something is so, or long overdue.
func wait(until isDone: () throws -> Bool) async throws {
    try #require(try await isSoon(within: ample, isDone), "it is overdue")
}

/// Waits until something is so that nothing is to hold up.
func isSoon(within time: Duration = .seconds(10), _ isDone: () throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + time
    while try !isDone() {
        guard ContinuousClock.now < deadline else { return false }
        try await Task.sleep(for: .milliseconds(2))
    }
    return true
}
