import Glibc
import LaunchProtocol
import NameLookup
import Synchronization
import SystemPackage

/// The lookup processes of one directory: one for each question that is under way, started when there is none that waits.
///
/// A question that hangs costs its own process alone: that is killed, and the next question gets another one.
final class LookupProcesses: LookupAsker {
    /// How many that wait for questions are kept.
    private static let kept = 4

    /// So many in a row may end by themselves until the next one has to wait.
    private static let harmlessFailures = 3

    private static let longestPause = Duration.seconds(5)

    private struct State {
        var waiting: [LookupProcess] = []
        var lastNumber: UInt64 = 0
        /// How many have ended by themselves, or never began, since one has answered.
        var failures = 0
        var nextStart = MonotonicTime.now
        /// Whose these are.
        var owner: pid_t
    }

    private let path: FilePath
    private let state: Mutex<State>
    private let processID: @Sendable () -> pid_t

    /// Nothing is started before the first question.
    ///
    /// - Parameters:
    ///   - path: Where the helper is.
    ///   - processID: Tells a process from the one that it was forked from.
    init(at path: FilePath, processID: @escaping @Sendable () -> pid_t = { getpid() }) {
        self.path = path
        self.processID = processID
        state = Mutex(State(owner: processID()))
    }

    deinit {
        let waiting = withState { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        // Whoever lets go of a directory may be a thread of the pool.
        for process in waiting { process.end(waiting: .zero) }
    }

    func ask(_ question: LookupQuestion, until time: MonotonicTime) throws(NoAnswer) -> LookupAnswer {
        let number = withState { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        let bytes = try LookupProcess.encode(question, number: number, until: time)
        let process: LookupProcess
        if let waiting = waitingProcess() { process = waiting } else { process = try start(until: time) }
        do throws(NoAnswer) {
            let answer = try process.ask(bytes, number: number, until: time)
            keep(process)
            return answer
        } catch {
            // Whoever is late has no time left to wait for the end of it: his caller would have an answer before this thread is free.
            process.end(waiting: error == .late ? .zero : LookupChild.reapingTime)
            if error != .late { noteFailure() }
            throw error
        }
    }

    /// Starts a process and ends it again, to see whether that is possible, and what directory services tell it.
    ///
    /// - Returns: Why an account that is said not to exist may be one of a directory that is away; `nil` where it may not.
    /// - Throws: ``NoAnswer`` when no process can be started, or it does not answer in time.
    func rehearse(until time: MonotonicTime) throws(NoAnswer) -> DirectoryDoubt? {
        let bytes = try LookupProcess.encode(.reach, number: 1, until: time)
        let process = try LookupProcess(LookupProgram(at: path), over: LookupProcess.Ends(), until: time)
        defer { process.end() }
        do throws(NoAnswer) {
            return try DirectoryDoubt(process.ask(bytes, number: 1, until: time))
        } catch {
            switch error {
            // It takes questions, and this one is younger than others.
            case .broken: return .otherVersion
            // It has stopped asking SSSD before that, and nothing makes it stop asking winbind.
            case .late: return .cutOff
            case .unusable: throw error
            }
        }
    }

    /// A process that was forked from this one shares its sockets, and would read the answers to the other's questions: it lets go of
    /// them, and has none.
    private func withState<Value>(_ body: (inout State) -> Value) -> Value {
        let current = processID()
        return state.withLock { state in
            if state.owner != current { state = State(owner: current) }
            return body(&state)
        }
    }

    private func waitingProcess() -> LookupProcess? {
        while let process = withState({ $0.waiting.popLast() }) {
            if process.isWaiting { return process }
            process.end()
        }
        return nil
    }

    private func start(until time: MonotonicTime) throws(NoAnswer) -> LookupProcess {
        let mayStart = withState { $0.failures < Self.harmlessFailures || MonotonicTime.now >= $0.nextStart }
        guard mayStart else { throw .broken("lookup processes keep ending, and the next one is started in a while") }
        let ends = try LookupProcess.Ends()
        do throws(NoAnswer) {
            return try LookupProcess(LookupProgram(at: path), over: ends, until: time)
        } catch {
            if error != .late { noteFailure() }
            throw error
        }
    }

    private func keep(_ process: LookupProcess) {
        let isKept = withState { state in
            state.failures = 0
            guard state.waiting.count < Self.kept else { return false }
            state.waiting.append(process)
            return true
        }
        if !isKept { process.end() }
    }

    /// A module that crashes, or a program that cannot start, is not started over and over.
    private func noteFailure() {
        withState { state in
            state.failures += 1
            let excess = min(max(0, state.failures - Self.harmlessFailures), 6)
            state.nextStart = .now + min(.milliseconds(100 << excess), Self.longestPause)
        }
    }
}
