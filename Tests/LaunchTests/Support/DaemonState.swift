import Faults
import Glibc
import SystemPackage
import Testing

@testable import LaunchPlan

/// What a launch must not change in the process that launches: what all of its threads share, and what each has of its own.
///
/// `/proc/self/status` is of no use here. In a program of the concurrency runtime it tells of a thread that has ended
/// (`dispatch_main` leaves the first one with `pthread_exit(3)`): it has no mask of files any more, and what becomes of the ids, the
/// capabilities and the signals of the others is not seen in it. So every thread that lives is looked at, each under its number.
struct DaemonState: Equatable {
    /// A thread that does nothing and lasts as long as the process.
    static let witness: Int32 = daemon_thread_start()

    private var shared: [String: String] = [:]
    private var threads: [String: [String: String]] = [:]

    private static let witnessName = name(of: witness)

    /// Looks at this process.
    init() {
        _ = Self.witnessName
        let mask = umask(0o777)
        umask(mask)
        shared["umask"] = String(mask, radix: 8)
        shared["dumpable"] = "\(process_dumpable())"
        shared["directory"] = unsafe getcwd(nil, 0)
            .map { text in
                defer { unsafe free(text) }
                return unsafe String(cString: text)
            }
        shared["limits"] = (0..<16).map(Self.limit).joined(separator: " ")
        shared["timers"] = (0..<3).map(Self.timer).joined(separator: " ")
        shared["environment"] = Self.environment.joined(separator: "\n")
        shared["session"] = "\(getsid(0)) \(getpgid(0))"
        shared["out of memory"] = try? ProcFile.read("/proc/self/oom_score_adj")
        for number in Self.numbers() {
            guard let name = Self.name(of: number), let fields = Self.fields(of: number) else { continue }
            threads[name] = fields
        }
        // Also of all threads, but told by each of them alone.
        let own = Self.witnessName.flatMap { threads[$0] } ?? [:]
        for name in Self.dispositions { shared[name] = own[name] }
    }

    /// The fields of `proc_pid_status(5)` that are a thread's own.
    private static let own = [
        "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Umask",
    ]
    private static let dispositions = ["SigIgn", "SigCgt"]
    /// What a thread of the library may have otherwise than the one that made it.
    private static let ofOldThreads = ["SigBlk", "Cpus_allowed", "niceness"]

    /// Tells what another state has otherwise.
    ///
    /// Threads that have come have to be like the witness, and those that have gone do not count.
    ///
    /// - Parameter later: The other state.
    /// - Returns: The names of what differs.
    func differences(to later: DaemonState) -> Set<String> {
        var result = Set(Set(shared.keys).union(later.shared.keys).filter { shared[$0] != later.shared[$0] })
        let usual = Self.witnessName.flatMap { threads[$0] }
        for (name, fields) in later.threads {
            let names = threads[name] == nil ? Self.own : Self.own + Self.ofOldThreads
            let former = threads[name] ?? usual
            result.formUnion(names.filter { former?[$0] == nil || former?[$0] != fields[$0] })
        }
        if later.threads[Self.witnessName ?? ""] == nil { result.insert("witness") }
        return result
    }

    /// What differs in another state, with what it was and is.
    ///
    /// - Parameter later: The other state.
    /// - Returns: A line for each difference.
    func account(of later: DaemonState) -> [String] {
        let usual = Self.witnessName.flatMap { threads[$0] }
        return differences(to: later).sorted()
            .flatMap { name -> [String] in
                guard shared[name] == later.shared[name] else {
                    return ["\(name): \(shared[name] ?? "none") → \(later.shared[name] ?? "none")"]
                }
                return later.threads.compactMap { thread, fields in
                    let former = (threads[thread] ?? usual)?[name]
                    guard former != fields[name] else { return nil }
                    let isNew = threads[thread] == nil ? ", new" : ""
                    return "\(name) of thread \(thread) (\(fields["Name"] ?? "")\(isNew)): "
                        + "\(former ?? "none") → \(fields[name] ?? "none"), usually \(usual?[name] ?? "none")"
                }
            }
    }

    /// Looks at this process while none of its threads has every signal blocked: one that makes a thread has, for a moment
    /// (`pthread_create(3)`), and would be taken for changed later.
    ///
    /// - Returns: The state.
    /// - Throws: When the task is cancelled.
    static func atRest() async throws -> DaemonState {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let state = DaemonState()
            let isAtRest = state.threads.values.allSatisfy { $0["SigBlk"]?.contains("fffffffffffbfeff") != true }
            if isAtRest || ContinuousClock.now > deadline { return state }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Looks at this process again, until nothing but what is expected differs: what a thread does for a moment goes.
    ///
    /// - Parameter expected: What is to differ.
    /// - Returns: What differs in the end.
    /// - Throws: When the task is cancelled.
    func changes(awaiting expected: Set<String> = []) async throws -> Set<String> {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let found = differences(to: DaemonState())
            if found == expected || ContinuousClock.now > deadline { return found }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// A thread by its number and its start, since numbers are used again.
    private static func name(of thread: Int32) -> String? {
        guard let text = try? ProcFile.read(FilePath("/proc/self/task/\(thread)/stat")),
            let stat = ProcessStat(parsing: text)
        else { return nil }
        return "\(thread) \(stat.startTime)"
    }

    private static func fields(of thread: Int32) -> [String: String]? {
        guard let text = try? ProcFile.read(FilePath("/proc/self/task/\(thread)/status")) else { return nil }
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            fields[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        // One that has ended has no mask of files any more.
        guard let state = fields["State"], !state.contains("Z"), !state.contains("X"), fields["Umask"] != nil else {
            return nil
        }
        fields["niceness"] = "\(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), UInt32(thread)))"
        return fields
    }

    private static func numbers() -> [Int32] {
        guard let directory = unsafe opendir("/proc/self/task") else { return [] }
        defer { unsafe closedir(directory) }
        return unsafe DirectoryNames(directory).compactMap { Int32($0) }
    }

    private static func limit(_ resource: UInt32) -> String {
        var limit = rlimit()
        _ = unsafe getrlimit(__rlimit_resource_t(resource), &limit)
        return "\(limit.rlim_cur):\(limit.rlim_max)"
    }

    private static func timer(_ which: UInt32) -> String {
        var timer = itimerval()
        _ = unsafe getitimer(__itimer_which_t(which), &timer)
        let isArmed = timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0
        return "\(isArmed) \(timer.it_interval.tv_sec)"
    }

    private static var environment: [String] {
        var result: [String] = []
        var entry: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = unsafe environ
        while let text = unsafe entry.pointee {
            result.append(unsafe String(cString: text))
            unsafe entry += 1
        }
        return result
    }
}
