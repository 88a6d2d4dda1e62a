import Impersonation
public import Logging

/// Runs what comes into a spool, so many jobs at a time.
public struct Worker: Sendable {
    private let spool: Spool
    private let runner: JobRunner
    private let running: RunningJobs
    private let limit: Int
    private let gracePeriod: Duration
    private let logger: Logger
    private let events: AsyncStream<WorkerEvent>
    private let post: AsyncStream<WorkerEvent>.Continuation

    /// Creates a worker.
    ///
    /// - Parameters:
    ///   - spool: Where jobs come from and results go.
    ///   - runner: What takes one job through its life.
    ///   - running: The processes the runner has started.
    ///   - limit: How many jobs run at a time.
    ///   - gracePeriod: How long jobs may go on once the worker is to end.
    ///   - logger: Where the worker tells what it does.
    public init(
        spool: Spool,
        runner: JobRunner,
        running: RunningJobs,
        limit: Int = 2,
        gracePeriod: Duration = .seconds(30),
        logger: Logger
    ) {
        self.spool = spool
        self.runner = runner
        self.running = running
        self.limit = limit
        self.gracePeriod = gracePeriod
        self.logger = logger
        (events, post) = AsyncStream.makeStream()
    }

    /// How long a job may take to end once it was told to.
    private static let politePeriod: Duration = .seconds(5)

    /// Tells the worker to end; see ``WorkerEvent/stop``.
    public func stop() {
        post.yield(.stop)
    }

    /// Kills every job and tells the worker to end; see ``WorkerEvent/stopAtOnce``.
    ///
    /// Also for a worker whose task was cancelled, which hears of no event any more.
    public func stopAtOnce() {
        running.end(within: .zero)
        post.yield(.stopAtOnce)
    }

    /// Clears up what an earlier worker left and runs what comes in, until it is told to end.
    ///
    /// When the task is cancelled, no new job is taken, and it returns when those that run have ended.
    ///
    /// - Parameter once: Whether to end when everything that is in the spool has run.
    /// - Throws: ``SpoolError`` when the spool cannot be read any more. The jobs that run have ended by then.
    public func run(once: Bool = false) async throws(SpoolError) {
        for job in try await spool.recover() {
            logger.warning("failed: \(job.message)", metadata: ["job": "\(job.id)", "owner": "\(job.owner)"])
        }
        let post = post
        await spool.watch { post.yield(.spoolChanged) }
        post.yield(.spoolChanged)
        logger.info("ready", metadata: ["spool": "\(spool.path)", "jobs": "\(limit)"])

        let failure = await withDiscardingTaskGroup { group in
            var state = State(once: once)
            for await event in events {
                handle(event, &state)
                await fill(&state, &group)
                if state.count == 0, state.isStopping || state.isExhausted || state.failure != nil { break }
            }
            state.laterLook?.cancel()
            state.graceTimer?.cancel()
            return state.failure
        }
        if let failure { throw failure }
        logger.info("ended")
    }

    private struct State {
        let once: Bool
        var count = 0
        var isStopping = false
        var isExhausted = false
        var failure: SpoolError?
        /// What was logged, so that it is not with every look.
        var trouble: SpoolError?
        var laterLook: Task<Void, Never>?
        var graceTimer: Task<Void, Never>?
    }

    private func handle(_ event: WorkerEvent, _ state: inout State) {
        switch event {
        case .spoolChanged: break
        case .jobEnded: state.count -= 1
        case .stop:
            guard !state.isStopping else { return }
            state.isStopping = true
            logger.notice("stopping: no new job; \(state.count) still run, for \(gracePeriod) at most")
            state.graceTimer = Task { [post, gracePeriod] in
                guard (try? await Task.sleep(for: gracePeriod)) != nil else { return }
                post.yield(.timeIsUp)
            }
        case .timeIsUp:
            // A logger that is not interested never asks for its message.
            let count = running.end(within: Self.politePeriod)
            logger.notice("stopping: told \(count) jobs to end")
        case .stopAtOnce:
            state.isStopping = true
            let count = running.end(within: .zero)
            logger.notice("stopping: killed \(count) jobs")
        }
    }

    /// Takes up as many jobs as there are places.
    private func fill(_ state: inout State, _ group: inout DiscardingTaskGroup) async {
        while !state.isStopping, state.failure == nil, state.count < limit {
            do throws(SpoolError) {
                switch try await spool.next(settled: state.once) {
                case .item(let item):
                    state.count += 1
                    group.addTask { await self.carryOut(item) }
                case .nothing(let lookAgain):
                    state.trouble = nil
                    state.isExhausted = state.once && !lookAgain
                    if lookAgain { look(again: &state) }
                    return
                case .stuck(let trouble):
                    // Nothing more will come that could wait for a better moment.
                    if state.once { throw trouble }
                    if state.trouble != trouble { logger.error("\(trouble)") }
                    state.trouble = trouble
                    look(again: &state)
                    return
                }
            } catch {
                logger.error("\(error)")
                state.failure = error
            }
        }
    }

    private func carryOut(_ item: SpoolItem) async {
        let (folder, result) = await runner.run(item)
        do throws(SpoolError) {
            try await spool.finish(item, as: folder, result)
        } catch {
            logger.error("\(error)", metadata: ["job": "\(item.id)"])
        }
        post.yield(.jobEnded)
    }

    /// Looks again when what is being written now has settled.
    private func look(again state: inout State) {
        state.laterLook?.cancel()
        state.laterLook = Task { [post] in
            guard (try? await Task.sleep(for: .seconds(Spool.settlingTime))) != nil else { return }
            post.yield(.spoolChanged)
        }
    }
}
