import CLaunchPlan
import CollectedLog
import Glibc
import LaunchPlan
import LaunchProtocol
import MetricsTestKit
import NameLookup
import Synchronization
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The lookup process", .scriptedNSS, .serialized, .timeLimit(.minutes(5)))
struct LookupProcessTests {
    /// For as long as each test runs.
    private let nss: ScriptedNSS

    init() throws { nss = try ScriptedNSS() }

    private func directory(
        deadline: Duration = .seconds(60),
        places: Int = 16
    ) -> NSSAccountDirectory {
        NSSAccountDirectory(
            deadline: deadline,
            maximumConcurrency: places,
            asking: .lookupProcess(at: ScriptedNSS.helper)
        )
    }

    /// A number that tasks count up.
    private final class Count: Sendable {
        private let number = Mutex(0)

        var value: Int { number.withLock { $0 } }

        func add() { number.withLock { $0 += 1 } }
    }

    private func status(_ process: pid_t) throws -> [String: String] {
        var fields: [String: String] = [:]
        for line in try ProcFile.read(FilePath("/proc/\(process)/status")).split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            fields[String(parts[0])] = parts[1].split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        return fields
    }

    @Test("has no privilege, no environment and no descriptor of the daemon's, and leads a session of its own")
    func privileges() async throws {
        unsafe setenv("SECRET_OF_THE_DAEMON", "1", 1)
        defer { unsafe unsetenv("SECRET_OF_THE_DAEMON") }
        let before = childrenOfThisProcess()
        let asked = directory()
        #expect(try await asked.account(named: AccountName("far-alice"))?.userID.rawValue == 70_000)
        let process = try #require(childrenOfThisProcess().subtracting(before).first)
        let facts = try status(process)
        // Nobody else has the number: not even nobody.
        let number = TestBed.hasMachineRoot ? "4294960001" : "\(LookupAccount.number)"
        #expect(LookupAccount.number != 65_534)
        #expect(facts["Uid"] == "\(number) \(number) \(number) \(number)")
        #expect(facts["Gid"] == "\(number) \(number) \(number) \(number)")
        #expect(facts["Groups"] == "")
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            #expect(facts[set] == "0000000000000000", "\(set)")
        }
        #expect(facts["NoNewPrivs"] == "1")
        #expect(facts["Threads"] == "1")
        #expect(facts["SigBlk"] == "0000000000000000")
        // SIGPIPE alone is ignored.
        #expect(facts["SigIgn"] == "0000000000001000")
        let environment = try ProcFile.read(FilePath("/proc/\(process)/environ")).split(separator: "\0")
        #expect(
            Set(environment) == [
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "SSS_NSS_USE_MEMCACHE=NO",
            ]
        )
        #expect(Set(namesIn("/proc/\(process)/fd")) == ["0", "1", "2", "3"])
        #expect(getsid(process) == process)
        withExtendedLifetime(asked) {}
    }

    @Test("cannot be traced by others of its account, and leaves no core")
    func protection() async throws {
        let before = childrenOfThisProcess()
        let asked = directory()
        _ = try await asked.account(named: AccountName("far-alice"))
        let process = try #require(childrenOfThisProcess().subtracting(before).first)
        // What cannot be traced belongs to root in /proc.
        var facts = stat()
        #expect(unsafe lstat("/proc/\(process)/mem", &facts) == 0)
        #expect(facts.st_uid == 0)
        #expect(
            try ProcFile.read(FilePath("/proc/\(process)/limits"))
                .contains("Max core file size        0                    0")
        )
        withExtendedLifetime(asked) {}
    }

    @Test(
        "answers like the name service itself, and so does getent",
        arguments: [
            "far-alice", "far-many", "far blank", "far-latin", "far-long", "-far", "FAR\\user", "far-nobody",
            "down-far", "alice", "root", "manygroups", "orphan",
        ]
    )
    func sameAnswers(name: String) async throws {
        let asked = LookupProcesses(at: ScriptedNSS.helper)
        let questions: [LookupQuestion] = [
            .passwdByName(name), .groupByName(name), .groups(of: name, primary: 4_711),
        ]
        try await onThread {
            for question in questions {
                let expected = LookupAnswer(asking: question)
                let answer = try asked.ask(question, until: .now + ample)
                #expect(answer == expected, "\(question)")
                guard TestBed.hasMachineRoot else { continue }
                guard !name.hasPrefix("-") else {
                    // What begins like a line of compat(5) is written as one, and no account has such a name.
                    if case .passwdByName = question {
                        #expect(throws: NoAnswer.self) { try Getent().ask(question, until: .now + ample) }
                    }
                    continue
                }
                let other = try Getent().ask(question, until: .now + ample)
                guard case .groups(let groups) = other, case .groups(let wanted) = expected else {
                    // What is too large for the one is a long line for the other.
                    if name != "far-long" { #expect(other == expected, "getent: \(question)") }
                    continue
                }
                #expect(Set(groups) == Set(wanted), "getent: \(question)")
            }
        }
    }

    @Test("answers for user ids and for groups")
    func otherQuestions() async throws {
        let asked = directory()
        #expect(try await asked.account(withID: UserID(rawValue: 70_000))?.name.spelling == "far-alice")
        #expect(try await asked.account(withID: UserID(rawValue: 70_999)) == nil)
        #expect(try await asked.account(withID: UserID(rawValue: 2_001))?.name.spelling == "alice")
        #expect(try await asked.groupID(named: "far-group")?.rawValue == 70_500)
        #expect(try await asked.groupID(named: "no-such-group") == nil)
        #expect(try await asked.account(named: AccountName("far-many"))?.groups.count == 65_001)
    }

    @Test("tells an account that there is not from one whose directory is down")
    func outage() async throws {
        for way in [NSSAccountDirectory.Asking.lookupProcess(at: ScriptedNSS.helper), .getent] {
            guard way != .getent || TestBed.hasMachineRoot else { continue }
            let asked = NSSAccountDirectory(deadline: ample, asking: way)
            #expect(try await asked.account(named: AccountName("far-nobody")) == nil)
            let error = await #expect(throws: AccountDirectoryError.self) {
                try await asked.account(named: AccountName("down-far"))
            }
            #expect(error?.code == .unavailable)
            #expect(error?.errno == .connectionRefused)
        }
    }

    @Test(
        "a module that crashes makes the name service unavailable, not the account absent, and the next question is answered"
    )
    func crash() async throws {
        let asked = directory()
        for _ in 0..<2 {
            let error = await #expect(throws: AccountDirectoryError.self) {
                try await asked.account(named: AccountName("crash-far"))
            }
            #expect(error?.code == .unavailable)
            #expect(try await asked.account(named: AccountName("far-alice"))?.userID.rawValue == 70_000)
        }
    }

    @Test("a lookup process that somebody has killed is replaced, and nobody notices")
    func killed() async throws {
        let before = childrenOfThisProcess()
        let asked = directory()
        for _ in 0..<3 {
            #expect(try await asked.account(named: AccountName("far-alice"))?.userID.rawValue == 70_000)
            let process = try #require(childrenOfThisProcess().subtracting(before).first)
            let descriptor = try #require(StartedProcess(process))
            kill(process, SIGKILL)
            await descriptor.end()
        }
    }

    @Test("a question that hangs ends with its deadline, and delays neither others nor local accounts")
    func hanging() async throws {
        let before = childrenOfThisProcess()
        let impatient = directory(deadline: .seconds(8), places: 4)
        let clock = ContinuousClock()
        let ended = Count()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<8 {
                group.addTask {
                    let name = try AccountName("hang-\(index)")
                    var code: AccountDirectoryError.Code?
                    let time = await clock.measure {
                        let error = await #expect(throws: AccountDirectoryError.self) {
                            try await impatient.account(named: name)
                        }
                        code = error?.code
                    }
                    #expect(code == .deadlineExceeded || code == .saturated)
                    ended.add()
                    #expect(time < .seconds(28))
                }
            }
            // Every place for what leaves this machine is taken.
            while childrenOfThisProcess().subtracting(before).count < 4 { try await Task.sleep(for: .milliseconds(2)) }
            for name in ["alice", "root", "manygroups"] {
                let account = try await impatient.account(named: AccountName(name))
                #expect(account?.name.spelling == name)
            }
            #expect(try await impatient.account(withID: UserID(rawValue: 2_001))?.name.spelling == "alice")
            #expect(ended.value == 0, "they have waited for one another")
            try await group.waitForAll()
        }
        #expect(try await impatient.account(named: AccountName("far-alice"))?.userID.rawValue == 70_000)
    }

    @Test(
        "a directory that hangs over everything delays no local account for long, and only the first; then it recovers"
    )
    func frozen() async throws {
        let asked = directory(deadline: .seconds(4))
        #expect(try await asked.account(named: AccountName("far-alice"))?.userID.rawValue == 70_000)
        try nss.freeze()
        for name in ["alice", "root"] {
            let account = try await asked.account(named: AccountName(name))
            #expect(account?.name.spelling == name)
        }
        let alice = try await asked.account(named: AccountName("alice"))
        #expect(alice?.groups.map(\.rawValue) == [2_001, 3_001, 3_002])
        #expect(alice?.groupsAreComplete == false)
        let error = await #expect(throws: AccountDirectoryError.self) {
            try await asked.account(named: AccountName("far-alice"))
        }
        #expect(error?.code == .deadlineExceeded)
        nss.thaw()
        #expect(try await asked.account(named: AccountName("far-alice"))?.userID.rawValue == 70_000)
    }

    @Test("a hundred lookups that hang leave no process, no descriptor and no thread behind")
    func hundred() async throws {
        await #expect(processExitsWith: .success) {
            do {
                let warm = NSSAccountDirectory(deadline: ample, asking: .lookupProcess(at: ScriptedNSS.helper))
                _ = try await warm.account(named: AccountName("far-alice"))
            }
            while hasChildren() { try await Task.sleep(for: .milliseconds(2)) }
            // What only a late lookup would need is there as well, and stays.
            _ = try Reactor.shared()
            try await Task.sleep(for: .milliseconds(1))
            let descriptors = try await openDescriptorCount()
            let threads = countThreads()
            do {
                let service = AskedNameService(LookupProcesses(at: ScriptedNSS.helper))
                let workers = BlockingWorkers(name: "test", maximumThreads: 10, idleTime: .zero)
                let asked = NSSAccountDirectory(
                    service: service,
                    syntax: .standard,
                    // Ten of them that start at once take half a second with the thread sanitizer, on two processors.
                    deadline: .milliseconds(1_500),
                    workers: workers,
                    localWorkers: BlockingWorkers(name: "test", maximumThreads: 10, idleTime: .zero)
                )
                for _ in 0..<10 {
                    await withTaskGroup(of: Void.self) { group in
                        for index in 0..<10 {
                            group.addTask {
                                let error = await #expect(throws: AccountDirectoryError.self) {
                                    try await asked.account(named: AccountName("hang-\(index)"))
                                }
                                #expect(error?.code == .deadlineExceeded, "\(error.debugDescription)")
                            }
                        }
                    }
                    // On a busy machine a thread comes back later than its caller has gone; who stays is waited for in vain.
                    while workers.threads.stuck > 0 { try? await Task.sleep(for: .milliseconds(2)) }
                }
            }
            while hasChildren() { try await Task.sleep(for: .milliseconds(2)) }
            while try await openDescriptorCount() > descriptors { try await Task.sleep(for: .milliseconds(2)) }
            while countThreads() > threads { try await Task.sleep(for: .milliseconds(2)) }
        }
    }

    @Test("ends with the daemon, though a question hangs in it", arguments: [true, false])
    func endOfTheDaemon(isHanging: Bool) async throws {
        let note = FilePath("\(TestBed.directory)/lookup-\(UInt64.random(in: 0...UInt64.max))")
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [note = note.string as String, isHanging = isHanging as Bool] in
            let asked = NSSAccountDirectory(deadline: ample, asking: .lookupProcess(at: ScriptedNSS.helper))
            _ = try await asked.account(named: AccountName("far-alice"))
            if isHanging {
                Task.detached { _ = try? await asked.account(named: AccountName("hang-far")) }
                // The one that waits takes the question; its process reads it and stands still in it.
                let process = try #require(childrenOfThisProcess().first)
                while try !ProcFile.read(FilePath("/proc/\(process)/wchan")).contains("sigsuspend"),
                    try !ProcFile.read(FilePath("/proc/\(process)/syscall")).hasPrefix("34 ")
                { try await Task.sleep(for: .milliseconds(2)) }
            }
            let processes = childrenOfThisProcess().map { "\($0)" }.joined(separator: " ")
            try writeFile(processes, to: FilePath(note))
            kill(getpid(), SIGKILL)
        }
        let processes = try ProcFile.read(note).split(separator: " ").compactMap { pid_t($0) }
        #expect(processes.count == 1)
        for process in processes {
            while ProcessStart.time(of: process) != nil { try await Task.sleep(for: .milliseconds(2)) }
        }
    }

    @Test("the first way is taken that there is, and named")
    func ways() async throws {
        do {
            let local = try ScriptedNSS("files")
            #expect(try await NSSAccountDirectory().route() == NSSAccountDirectory.Route(way: .local, refusals: []))
            withExtendedLifetime(local) {}
        }
        let named = try await directory().route()
        #expect(named == NSSAccountDirectory.Route(way: .lookupProcess(ScriptedNSS.helper), refusals: []))
        // The bed has none where it is usually installed.
        let automatic = try await NSSAccountDirectory(deadline: ample).route()
        #expect(automatic.way == (TestBed.hasMachineRoot ? .getent("/usr/bin/getent") : .threads))
        let reason = TestBed.hasMachineRoot ? "does not exist" : "belongs to user id 65534"
        #expect(automatic.refusals.first?.contains(reason) == true, "\(automatic.refusals)")
        let missing = NSSAccountDirectory(deadline: ample, asking: .lookupProcess(at: "/nonexistent/helper"))
        let error = await #expect(throws: AccountDirectoryError.self) { try await missing.route() }
        #expect(error?.code == .unavailable)
        let unasked = await #expect(throws: AccountDirectoryError.self) {
            try await missing.account(named: AccountName("far-alice"))
        }
        #expect(unasked?.code == .unavailable)
        // Without anybody, nobody knows all the groups of a local account either.
        let localError = await #expect(throws: AccountDirectoryError.self) {
            try await missing.account(named: AccountName("alice"))
        }
        #expect(localError?.code == .unavailable)
        try await onThread {
            for getent in ["/usr/bin/getent", "/nonexistent/getent"] as [FilePath] {
                let asker = AutomaticAsker(helper: "/nonexistent/helper", getent: getent, telling: LookupObserver())
                for _ in 0..<2 {
                    guard case .passwd(let entry) = try asker.ask(.passwdByName("far-alice"), until: .now + ample)
                    else {
                        Issue.record("far-alice is not there")
                        return
                    }
                    #expect(entry.userID.rawValue == 70_000)
                }
            }
        }
    }

    @Test("is missed by a directory that is to ask it first, which tells its host")
    func missing() async throws {
        let (log, metrics) = (CollectingLog(), TestMetrics())
        let asked = NSSAccountDirectory(deadline: ample, logger: log.logger, metrics: metrics)
        for _ in 0..<2 {
            #expect(try await asked.account(named: AccountName("far-alice"))?.userID.rawValue == 70_000)
        }
        let way = TestBed.hasMachineRoot ? "getent" : "threads"
        #expect(log.lines.map { $0.metadata["way"] } == [way])
        #expect(log.lines.first?.metadata["reason"]?.contains("does not exist") == true)
        let counter = try metrics.expectCounter("impersonation.lookup.fallbacks", [("way", way)])
        #expect(counter.totalValue > 2, "each account is more than one question")
    }

    @Test("getent runs without privileges, and is killed with its deadline", .enabled(if: TestBed.hasMachineRoot))
    func getent() async throws {
        let before = childrenOfThisProcess()
        let name = try AccountName("hang-far")
        let asked = Task {
            try await NSSAccountDirectory(deadline: .seconds(5), asking: .getent).account(named: name)
        }
        var text = ""
        while !text.contains("Name:\tgetent\n") {
            try await Task.sleep(for: .milliseconds(2))
            guard let process = childrenOfThisProcess().subtracting(before).first else { continue }
            text = (try? ProcFile.read(FilePath("/proc/\(process)/status"))) ?? ""
        }
        for line in [
            "Uid:\t4294960001\t4294960001\t4294960001\t4294960001",
            "Gid:\t4294960001\t4294960001\t4294960001\t4294960001",
            "Groups:\t ", "NoNewPrivs:\t1", "CapPrm:\t0000000000000000", "CapBnd:\t0000000000000000",
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
        let result = await asked.result
        #expect(throws: AccountDirectoryError.self) { try result.get() }
        #expect(childrenOfThisProcess().subtracting(before).isEmpty)
    }

    @Test("getent does not answer with what this process finds by itself", .enabled(if: TestBed.hasMachineRoot))
    func getentAlone() async throws {
        try await onThread {
            let getent = Getent(threads: .ofRoot("far-nobody"))
            let error = #expect(throws: NoAnswer.self) {
                try getent.ask(.passwdByName("far-nobody"), until: .now + ample)
            }
            guard case .broken = error else {
                Issue.record("it was believed")
                return
            }
            let hanging = Getent(threads: LookupThreads { _ in while true { pause() } })
            #expect(throws: NoAnswer.late) {
                try hanging.ask(.passwdByName("far-nobody"), until: .now + .seconds(2))
            }
        }
    }

    @Test("that nobody could wait for is reaped by the next one")
    func unreaped() async throws {
        await #expect(processExitsWith: .success) {
            var limit = rlimit()
            #expect(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            var none = rlimit(rlim_cur: 3, rlim_max: limit.rlim_max)
            var isLeft = false
            while !isLeft {
                let sleeper = try LookupChild(
                    ["/bin/sleep", "1000"],
                    streams: [0, 1, 2],
                    endingWith: .daemon,
                    until: .now + ample
                )
                // What the concurrency pool needs descriptors for it has by now.
                try await Task.sleep(for: .milliseconds(1))
                #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none) == 0)
                sleeper.end(waiting: .zero)
                // One that is dead so soon was reaped there and then.
                isLeft = hasChildren()
                while isLeft, LookupChild.countOfThoseLeft == 0 { usleep(2_000) }
                #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            }
            while hasChildren() {
                let next = try LookupChild(
                    ["/bin/sleep", "0"],
                    streams: [0, 1, 2],
                    endingWith: .daemon,
                    until: .now + ample
                )
                next.end(waiting: ample)
            }
            #expect(LookupChild.countOfThoseLeft == 0)
        }
    }

    @Test(
        "says what it is when somebody starts it by hand, and asks nothing",
        arguments: ["--lookup", "--lookup --parked 1"]
    )
    func byHand(arguments: String) throws {
        let log = "\(TestBed.directory)/lookup-by-hand"
        let status = unsafe system("\(ScriptedNSS.helper) \(arguments) </dev/null >\(log) 2>&1")
        #expect(status >> 8 == 64)
        #expect(try ProcFile.read(FilePath(log)).contains("--lookup is started by the library"))
    }

    @Test("stays an ordinary user where the daemon is one, and gains nothing")
    func ordinaryDaemon() async throws {
        await #expect(processExitsWith: .success) {
            becomeUnprivilegedDaemon()
            let asked = NSSAccountDirectory(deadline: ample, asking: .lookupProcess(at: ScriptedNSS.helper))
            #expect(try await asked.account(named: AccountName("far-alice"))?.userID.rawValue == 70_000)
            let process = try #require(childrenOfThisProcess().first)
            let text = try ProcFile.read(FilePath("/proc/\(process)/status"))
            #expect(text.contains("Uid:\t990\t990\t990\t990\n"))
            #expect(text.contains("NoNewPrivs:\t1\n"))
            #expect(text.contains("CapPrm:\t0000000000000000\n"))
            withExtendedLifetime(asked) {}
        }
    }
}

/// Runs what blocks on a thread of its own.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    let workers = BlockingWorkers(name: "test", maximumThreads: 1)
    return try await workers.performToTheEnd(deadline: nil) { Result { try body() } }.get().get()
}

/// Another process, by its descriptor.
final class StartedProcess: Sendable {
    private let descriptor: OwnedDescriptor

    init?(_ process: pid_t) {
        let opened = linux_pidfd_open(process)
        guard opened >= 0 else { return nil }
        descriptor = OwnedDescriptor(opened)
    }

    /// Waits for its end.
    func end() async {
        guard let reactor = try? Reactor.shared() else { return }
        _ = try? await reactor.ready(descriptor.rawValue, .reading, until: nil)
    }
}
