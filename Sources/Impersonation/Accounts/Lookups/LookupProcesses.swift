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
    }

    private let path: FilePath
    private let state = Mutex(State())

    /// Nothing is started before the first question.
    ///
    /// - Parameter path: Where the helper is.
    init(at path: FilePath) {
        self.path = path
    }

    deinit {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        // Whoever lets go of a directory may be a thread of the pool.
        for process in waiting { process.end(waiting: .zero) }
    }

    func ask(_ question: LookupQuestion, until time: MonotonicTime) throws(NoAnswer) -> LookupAnswer {
        let process: LookupProcess
        if let waiting = waitingProcess() { process = waiting } else { process = try start(until: time) }
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        do throws(NoAnswer) {
            let answer = try process.ask(question, number: number, until: time)
            keep(process)
            return answer
        } catch {
            process.end()
            if error != .late { noteFailure() }
            throw error
        }
    }

    /// Starts a process and ends it again, to see whether that is possible.
    ///
    /// - Throws: ``NoAnswer`` when it is not.
    func rehearse(until time: MonotonicTime) throws(NoAnswer) {
        try LookupProcess(LookupProgram(at: path), until: time).end()
    }

    private func waitingProcess() -> LookupProcess? {
        while let process = state.withLock({ $0.waiting.popLast() }) {
            if process.isWaiting { return process }
            process.end()
        }
        return nil
    }

    private func start(until time: MonotonicTime) throws(NoAnswer) -> LookupProcess {
        let mayStart = state.withLock { $0.failures < Self.harmlessFailures || MonotonicTime.now >= $0.nextStart }
        guard mayStart else { throw .broken("lookup processes keep ending, and the next one is started in a while") }
        do throws(NoAnswer) {
            return try LookupProcess(LookupProgram(at: path), until: time)
        } catch {
            if error != .late { noteFailure() }
            throw error
        }
    }

    private func keep(_ process: LookupProcess) {
        let isKept = state.withLock { state in
            state.failures = 0
            guard state.waiting.count < Self.kept else { return false }
            state.waiting.append(process)
            return true
        }
        if !isKept { process.end() }
    }

    /// A module that crashes, or a program that cannot start, is not started over and over.
    private func noteFailure() {
        state.withLock { state in
            state.failures += 1
            let excess = min(max(0, state.failures - Self.harmlessFailures), 6)
            state.nextStart = .now + min(.milliseconds(100 << excess), Self.longestPause)
        }
    }
}
