import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage
import Testing

@testable import HelperService

@Suite("The directory of sessions that jobs share")
struct SessionDirectoryTests {
    private static let digest: UInt64 = 7

    private let table: MonitorTable
    private let directory: SessionDirectory

    init() throws {
        table = try #require(MonitorTable(capacity: 4))
        directory = try #require(SessionDirectory())
    }

    /// Looks for the session; whoever would have to wait does not want it any more.
    private func look(opening isOpening: Bool = false) -> (found: SessionDirectory.Finding, hasWaited: Bool) {
        var hasWaited = false
        let found = directory.find(
            Self.digest,
            opening: isOpening,
            in: table,
            until: .now + .seconds(3_600),
            unless: {
                hasWaited = true
                return true
            }
        )
        return (found, hasWaited)
    }

    /// Opens the session, and announces a job there.
    private func announced() throws -> (index: Int, generation: UInt64) {
        guard case .mine(let index) = look(opening: true).found else { throw Errno.invalidArgument }
        directory.open(index)
        guard case .open(index, let generation) = look().found else { throw Errno.invalidArgument }
        return (index, generation)
    }

    private func send(_ bytes: [UInt8], _ descriptors: [OwnedDescriptor], to index: Int) throws {
        let frame = OutgoingFrame(bytes: bytes, descriptors: descriptors)
        try #require(try directory.channel(index).sending.send(frame) == .sent)
    }

    private func received(_ index: Int) throws -> ReceivedFrame? {
        guard case .frame(let frame) = try directory.channel(index).receiving.receive() else { return nil }
        return frame
    }

    @Test("has one job at a time on its way")
    func oneJob() throws {
        let (index, _) = try announced()
        #expect(look().hasWaited)
        directory.retract(index, from: directory.standing(index))
        guard case .open = look().found else {
            Issue.record("nobody else can announce one")
            return
        }
    }

    @Test("does not take a later job of the same process for the one that was on its way before")
    func laterJob() throws {
        let (index, _) = try announced()
        let former = directory.standing(index)
        directory.retract(index, of: getpid())
        guard case .open = look().found else {
            Issue.record("there is no other one")
            return
        }
        directory.retract(index, from: former)
        #expect(directory.standing(index).isAnnounced)
        #expect(look().hasWaited)
    }

    @Test(
        "takes an announcement back by a message that was given up, but no other one's, and none whose owner offers a job again"
    )
    func givenUp() throws {
        let (index, generation) = try announced()
        let standing = directory.standing(index)
        directory.retract(index, from: standing, givenUpBy: getpid() + 1, in: table)
        #expect(look().hasWaited)
        // The message is an old one, and its owner has announced the next job since.
        let slot = try #require(table.claim(.serving(0), for: getpid()))
        let offer = MonitorTable.Offer(of: slot, by: getpid())
        #expect(table.make(offer))
        directory.retract(index, from: standing, givenUpBy: getpid(), in: table)
        #expect(look().hasWaited)
        #expect(table.withdraw(offer))
        directory.retract(index, from: standing, givenUpBy: getpid(), in: table)
        #expect(look() == (.open(index, generation: generation), false))
    }

    @Test("keeps nobody waiting where a job was not taken in time, until it is taken")
    func stall() throws {
        let (index, generation) = try announced()
        let standing = directory.standing(index)
        directory.stall(index, generation, of: getpid())
        #expect(look() == (.none, false))
        guard case .mine(let other) = look(opening: true).found else {
            Issue.record("nobody else opens one")
            return
        }
        #expect(other != index)
        directory.free(other)
        // Nobody closes it either: something lies there.
        #expect(!directory.close(index, from: directory.standing(index)))
        // Whoever takes it has looked before.
        directory.retract(index, from: standing)
        #expect(!directory.standing(index).isAnnounced)
        #expect(look() == (.open(index, generation: generation), false))
    }

    @Test("takes the job that is on its way when it is to be closed, and no other one", arguments: [true, false])
    func retiring(isStalled: Bool) throws {
        let (index, generation) = try announced()
        let standing = directory.standing(index)
        if isStalled { directory.stall(index, generation, of: getpid()) }
        directory.retire(index)
        #expect(look() == (.none, false))
        #expect(!directory.close(index, from: directory.standing(index)))
        // Whoever takes it has looked before.
        directory.retract(index, from: standing)
        #expect(look() == (.none, false))
        #expect(directory.close(index, from: directory.standing(index)))
    }

    @Test("gives a message back with what it holds; then others announce theirs, unless something stands still there")
    func takingBack() throws {
        let (index, generation) = try announced()
        let (reading, writing) = try OwnedDescriptor.pipe()
        try send([1], [writing], to: index)
        directory.takeBack(index, generation &+ 1, of: getpid(), [1])
        directory.takeBack(index, generation, of: getpid() + 1, [1])
        #expect(directory.standing(index).isAnnounced)
        directory.stall(index, generation, of: getpid())
        directory.takeBack(index, generation, of: getpid(), [1])
        #expect(directory.standing(index).isAnnounced)
        let left = try #require(try received(index))
        #expect(left.bytes == [1] && left.descriptors.isEmpty)
        #expect(try received(index) == nil)
        directory.retractVain(index, in: table)
        guard case .open(index, generation) = look().found else {
            Issue.record("it is not open")
            return
        }
        try send([1], [writing], to: index)
        directory.takeBack(index, generation, of: getpid(), [1])
        #expect(!directory.standing(index).isAnnounced)
        // Nobody has the other end any more.
        writing.closeNow()
        #expect(Waiting.isGone(reading.rawValue))
        #expect(try received(index) == nil)
    }

    @Test(
        "leaves a message there that is another one's, where one's own was received meanwhile",
        arguments: [true, false]
    )
    func messageOfAnother(isStalled: Bool) throws {
        let (index, generation) = try announced()
        let (_, writing) = try OwnedDescriptor.pipe()
        if isStalled { directory.stall(index, generation, of: getpid()) }
        try send([2], [writing], to: index)
        directory.takeBack(index, generation, of: getpid(), [1])
        let left = try #require(try received(index))
        #expect(left.bytes == [2] && left.descriptors.count == 1)
        #expect(try received(index) == nil)
    }

    @Test("lets nobody announce anything while it is looked why what was given up is not taken")
    func blocked() throws {
        let (index, generation) = try announced()
        let slot = try #require(table.claim(.serving(0), for: getpid()))
        let offer = MonitorTable.Offer(of: slot, by: getpid())
        #expect(table.make(offer))
        var calls = 0
        func look(_ body: () -> Void = {}) {
            directory.whereBlocked(index, in: table) {
                calls += 1
                body()
            }
        }
        try send([1], [], to: index)
        look()
        directory.stall(index, generation, of: getpid())
        // It may still be taken.
        look()
        #expect(calls == 0)
        #expect(table.withdraw(offer))
        look { #expect(self.look().found == .none) }
        #expect(calls == 1)
        #expect(self.look() == (.none, false))
        // Somebody receives it just then.
        look {
            _ = try? received(index)
            directory.retractVain(index, in: table)
        }
        #expect(calls == 2)
        #expect(self.look() == (.open(index, generation: generation), false))
        look()
        #expect(calls == 2)
    }

    @Test("keeps nobody else waiting for a session that one has waited for in vain to be opened, until it is open")
    func openingSlowly() throws {
        guard case .mine(let index) = look(opening: true).found else { throw Errno.invalidArgument }
        #expect(look().hasWaited)
        for (time, isHeard) in [(SessionDirectory.leastPatience, false), (SessionDirectory.openingPatience, true)] {
            let soon = ContinuousClock.now + time
            #expect(directory.find(Self.digest, opening: true, in: table, until: soon, unless: { false }) == .none)
            #expect(look().hasWaited != isHeard)
        }
        // With as little time it would only be waited for itself.
        let soon = ContinuousClock.now + SessionDirectory.leastPatience
        #expect(directory.find(Self.digest, opening: true, in: table, until: soon, unless: { false }) == .none)
        let (found, hasWaited) = look(opening: true)
        guard case .mine(let other) = found, !hasWaited else {
            Issue.record("nobody else opens one")
            return
        }
        #expect(other != index)
        // There is one that is being opened, so others wait for that, and open no third one.
        #expect(look(opening: true).hasWaited)
        let later = ContinuousClock.now + SessionDirectory.openingPatience
        #expect(directory.find(Self.digest, opening: true, in: table, until: later, unless: { false }) == .none)
        #expect(look(opening: true) == (.none, false))
        directory.free(other)
        directory.open(index)
        guard case .open(index, _) = look().found else {
            Issue.record("it is not open")
            return
        }
    }

    @Test("gives no place to others as long as somebody may still send a job there")
    func draining() throws {
        let (index, _) = try announced()
        let slot = try #require(table.claim(.serving(0), for: getpid()))
        let offer = MonitorTable.Offer(of: slot, by: getpid())
        #expect(table.make(offer))
        // The one that has kept it, as far as the directory knows.
        directory.release(endOf: getpid(), in: table)
        guard case .mine(let other) = look(opening: true).found else {
            Issue.record("there is no other place")
            return
        }
        #expect(other != index)
        directory.free(other)
        #expect(table.withdraw(offer))
        directory.releaseRest(in: table)
        guard case .mine(index) = look(opening: true).found else {
            Issue.record("it is not free")
            return
        }
    }

    @Test("keeps nobody waiting where one has waited for his turn for nothing")
    func turn() throws {
        let (index, generation) = try announced()
        // A message that nobody takes, of one who offers nothing any more.
        let null = try OwnedDescriptor(moving: unsafe open("/dev/null", O_RDWR | O_CLOEXEC))
        _ = try directory.channel(index).sending.send(OutgoingFrame(bytes: [0], descriptors: [null]))
        // One who has had no time to wait says nothing of it.
        for (time, isHeard) in [(.milliseconds(1), false), (SessionDirectory.leastPatience, true)] as [(Duration, Bool)]
        {
            let soon = ContinuousClock.now + time
            #expect(directory.find(Self.digest, opening: false, in: table, until: soon, unless: { false }) == .none)
            #expect(look() == (.none, !isHeard))
        }
        _ = try directory.channel(index).receiving.receive()
        directory.retractVain(index, in: table)
        #expect(look() == (.open(index, generation: generation), false))
    }

    @Test("says nothing of a session by what was found of an earlier one, or of another's job")
    func others() throws {
        let (index, generation) = try announced()
        directory.stall(index, generation &+ 1, of: getpid())
        directory.stall(index, generation, of: getpid() + 1)
        #expect(look().hasWaited)
        directory.retract(index, of: getpid())
        // The job was taken just then.
        directory.stall(index, generation, of: getpid())
        #expect(look() == (.open(index, generation: generation), false))
    }

    @Test("closes every channel but one, and nothing that lies between them", arguments: [nil, 0, 3, 31])
    func channels(_ kept: Int?) async {
        // Nobody else opens anything there.
        await #expect(processExitsWith: .success) { [kept = kept as Int?] in
            let directory = try #require(SessionDirectory())
            func numbers(_ index: Int) -> [Int32] {
                let channel = directory.channel(index)
                return [channel.sending.descriptor.rawValue, channel.receiving.descriptor.rawValue]
            }
            let before = (0..<SessionDirectory.capacity).map(numbers)
            let all = Set(before.joined())
            let others = (3..<Int32(256)).filter { !all.contains($0) && fcntl($0, F_GETFD) >= 0 }
            directory.closeChannels(but: kept)
            for (index, pair) in before.enumerated() {
                #expect(pair.allSatisfy { (fcntl($0, F_GETFD) >= 0) == (index == kept) }, "\(index)")
                #expect(numbers(index) == (index == kept ? pair : [-1, -1]))
            }
            #expect(others.allSatisfy { fcntl($0, F_GETFD) >= 0 })
        }
    }
}
