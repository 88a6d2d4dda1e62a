import CollectedLog
import LaunchProtocol
import Logging
import MetricsTestKit
import NameLookup
import Synchronization
import SystemPackage
import Testing

@testable import Impersonation

@Suite("Which way the name service is asked, and what a host hears of it")
struct AutomaticAskerTests {
    /// Somebody who is asked, and does what he is told.
    private final class ScriptedAsker: LookupAsker {
        private let result: Mutex<Result<LookupAnswer, NoAnswer>>

        init(_ result: Result<LookupAnswer, NoAnswer>) {
            self.result = Mutex(result)
        }

        func become(_ next: Result<LookupAnswer, NoAnswer>) {
            result.withLock { $0 = next }
        }

        func ask(_ question: LookupQuestion, until time: MonotonicTime) throws(NoAnswer) -> LookupAnswer {
            try result.withLock { $0 }.get()
        }
    }

    private let log = CollectingLog()
    private let metrics = TestMetrics()
    private let missing = Result<LookupAnswer, NoAnswer>.failure(.unusable("it is not there"))

    private var observer: LookupObserver { LookupObserver(logger: log.logger, metrics: metrics) }

    /// How many questions were counted, by their way.
    private var counts: [String: Int64] {
        Dictionary(
            uniqueKeysWithValues: metrics.counters(label: "impersonation.lookup.fallbacks")
                .map { ($0.dimensions.map { "\($0)=\($1)" }.joined(separator: ","), $0.totalValue) }
        )
    }

    private func ask(_ asker: AutomaticAsker) -> Result<LookupAnswer, NoAnswer> {
        Result { () throws(NoAnswer) in try asker.ask(.passwdByName("x"), until: .now + .seconds(300)) }
    }

    @Test("that there is no helper is told once, with the reason and what to do, and counts with each question")
    func threads() throws {
        let asker = AutomaticAsker(
            helper: "/nonexistent/helper",
            getent: "/nonexistent/getent",
            threads: LookupThreads { _ in .absent },
            telling: observer
        )
        for _ in 0..<3 { #expect(ask(asker) == .success(.absent)) }
        #expect(counts == ["way=threads": 3])
        let line = try #require(log.lines.first)
        #expect(log.lines.count == 1)
        #expect(line.level == .warning)
        #expect(line.message == "Accounts are not looked up by the helper")
        #expect(line.metadata["way"] == "threads")
        #expect(line.metadata["reason"]?.hasPrefix("/nonexistent does not exist; ") == true, "\(line.metadata)")
        #expect(line.metadata["message"]?.contains("make install-helper") == true)
    }

    @Test("a helper that goes and comes back is told each time, and not in between")
    func changes() {
        let helper = ScriptedAsker(missing)
        let asker = AutomaticAsker(
            processes: helper,
            getent: ScriptedAsker(.success(.absent)),
            threads: ScriptedAsker(missing),
            telling: observer,
            pausing: .zero
        )
        for _ in 0..<2 {
            for result in [missing, .success(.tooLarge)] {
                helper.become(result)
                for _ in 0..<3 { #expect(ask(asker) == (result == missing ? .success(.absent) : result)) }
            }
        }
        #expect(log.lines.map { $0.metadata["way"] } == ["getent", "helper", "getent", "helper"])
        #expect(log.lines.map(\.level) == [.warning, .notice, .warning, .notice])
        #expect(log.lines.first?.metadata["reason"] == "it is not there")
        #expect(log.lines.first?.metadata["message"]?.contains("make install-helper") == true)
        #expect(counts == ["way=getent": 6])
    }

    @Test("of a way that is not looked at again for a while, the reason is still known")
    func pausing() {
        let (helper, getent) = (ScriptedAsker(missing), ScriptedAsker(.failure(.late)))
        let asker = AutomaticAsker(
            processes: helper,
            getent: getent,
            threads: ScriptedAsker(.success(.absent)),
            telling: observer,
            pausing: .seconds(3_600)
        )
        #expect(ask(asker) == .failure(.late))
        helper.become(.success(.tooLarge))
        getent.become(.failure(.unusable("neither is that")))
        #expect(ask(asker) == .success(.absent))
        #expect(log.lines.map { $0.metadata["way"] } == ["getent", "threads"])
        #expect(log.lines.map { $0.metadata["reason"] } == ["it is not there", "it is not there; neither is that"])
    }

    @Test("nothing is told of a helper that answers, nor of one that fails: that is no other way")
    func usual() {
        let helper = ScriptedAsker(.success(.absent))
        let asker = AutomaticAsker(
            processes: helper,
            getent: ScriptedAsker(.success(.tooLarge)),
            threads: ScriptedAsker(.success(.tooLarge)),
            telling: observer,
            pausing: .zero
        )
        for result in [.success(.absent), .failure(.late), .failure(.broken("it has ended"))]
            as [Result<LookupAnswer, NoAnswer>]
        {
            helper.become(result)
            #expect(ask(asker) == result)
        }
        #expect(log.lines.isEmpty)
        #expect(counts.isEmpty)
    }

    @Test("another way that fails is told like one that answers", arguments: [NoAnswer.late, .broken("it has ended")])
    func failing(_ failure: NoAnswer) {
        let asker = AutomaticAsker(
            processes: ScriptedAsker(missing),
            getent: ScriptedAsker(.failure(failure)),
            threads: ScriptedAsker(.success(.absent)),
            telling: observer
        )
        for _ in 0..<2 { #expect(ask(asker) == .failure(failure)) }
        #expect(log.lines.map { $0.metadata["way"] } == ["getent"])
        #expect(counts == ["way=getent": 2])
    }

    @Test("a way that has worked and is gone is an error for whoever asks, and no other way")
    func gone() {
        let helper = ScriptedAsker(.success(.absent))
        let asker = AutomaticAsker(
            processes: helper,
            getent: ScriptedAsker(missing),
            threads: ScriptedAsker(.success(.tooLarge)),
            telling: observer
        )
        #expect(ask(asker) == .success(.absent))
        helper.become(missing)
        for _ in 0..<2 {
            #expect(
                ask(asker) == .failure(.broken("it is not there; it is not there; it is asked again in 30.0 seconds"))
            )
        }
        #expect(log.lines.isEmpty)
        #expect(counts.isEmpty)
    }

    @Test("a question that was asked before the way became another one does not tell that it is the former")
    func late() {
        let observer = self.observer
        let before = MonotonicTime.now
        observer.asked(.getent, since: .now, because: ["it is not there"])
        observer.asked(.helper, since: before, because: [])
        #expect(log.lines.map { $0.metadata["way"] } == ["getent"])
    }

    @Test("what a path could do to a terminal does not reach one")
    func escaped() {
        observer.asked(.getent, since: .now + .seconds(1), because: ["/opt/\u{1B}[2J does not exist"])
        #expect(log.lines.map { $0.metadata["reason"] } == [#"/opt/\u001b[2J does not exist"#])
    }
}
