import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The thread that waits")
struct ReactorTests {
    @Test("tells when something can be read")
    func reading() async throws {
        let reactor = try Reactor()
        let pipe = try OwnedDescriptor.pipe()
        async let outcome = reactor.ready(pipe.reading.rawValue, .reading, until: nil)
        _ = unsafe write(pipe.writing.rawValue, "x", 1)
        #expect(try await outcome == .ready)
    }

    @Test("tells that the other side is gone, and data does not wake it")
    func hangup() async throws {
        let reactor = try Reactor()
        let pipe = try OwnedDescriptor.pipe()
        _ = unsafe write(pipe.writing.rawValue, "x", 1)
        let early = try await reactor.ready(
            pipe.reading.rawValue,
            .hangup,
            until: ContinuousClock.now + .milliseconds(30)
        )
        #expect(early == .deadlineExceeded)
        pipe.writing.closeNow()
        #expect(try await reactor.ready(pipe.reading.rawValue, .hangup, until: nil) == .ready)
    }

    @Test("keeps deadlines in any order, also one that comes while it sleeps for a later one")
    func deadlines() async throws {
        let reactor = try Reactor()
        let order = Mutex<[Int]>([])
        await withCheckedContinuation { continuation in
            let now = ContinuousClock.now
            for (index, delay) in [3_600_000, 90, 30, 60].enumerated() {
                _ = reactor.alarm(at: now + .milliseconds(delay)) {
                    let count = order.withLock { order in
                        order.append(index)
                        return order.count
                    }
                    if count == 3 { continuation.resume() }
                }
            }
        }
        #expect(order.withLock { $0 } == [2, 3, 1])
    }

    @Test("calls nobody who has given up")
    func cancelling() async throws {
        let reactor = try Reactor()
        let pipe = try OwnedDescriptor.pipe()
        let wasCalled = Mutex(false)
        let ticket = try reactor.wait(for: pipe.reading.rawValue, .reading) { _ in wasCalled.withLock { $0 = true } }
        #expect(reactor.cancel(ticket))
        #expect(!reactor.cancel(ticket))
        _ = unsafe write(pipe.writing.rawValue, "x", 1)
        // The next request for the same descriptor is served, so an event for the former would have come before it.
        #expect(try await reactor.ready(pipe.reading.rawValue, .reading, until: nil) == .ready)
        #expect(!wasCalled.withLock { $0 })
    }

    @Test("refuses what cannot be waited for")
    func regularFiles() async throws {
        let reactor = try Reactor()
        let file = try FileDescriptor.open(FilePath("/etc/passwd"), .readOnly)
        defer { try? file.close() }
        await #expect(throws: Errno.notPermitted) {
            _ = try await reactor.ready(file.rawValue, .reading, until: nil)
        }
        await #expect(throws: Errno.badFileDescriptor) {
            _ = try await reactor.ready(9_999, .reading, until: nil)
        }
    }

    @Test("runs no signal handler of the host")
    func signals() async throws {
        let reactor = try Reactor()
        let blocked: String = await withCheckedContinuation { continuation in
            _ = reactor.alarm(at: .now) {
                let status = (try? ProcFile.read("/proc/thread-self/status")) ?? ""
                continuation.resume(
                    returning: status.split(separator: "\n").first { $0.hasPrefix("SigBlk:") }.map(String.init) ?? ""
                )
            }
        }
        // Every signal but KILL, STOP and the two that glibc keeps to itself.
        #expect(blocked.hasSuffix("fffffffe3ffbfeff") || blocked.hasSuffix("fffffffe7ffbfeff"), "\(blocked)")
    }
}
