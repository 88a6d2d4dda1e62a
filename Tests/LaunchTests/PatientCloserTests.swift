import Glibc
import Synchronization
import Testing

@testable import Impersonation

@Suite("What accounts hold up")
struct PatientCloserTests {
    /// Stands still until it is let go.
    private final class Gate: Sendable {
        private let isOpen = Atomic(false)
        private let entered = Atomic(0)

        var count: Int { entered.load(ordering: .relaxed) }

        func pass() {
            entered.add(1, ordering: .relaxed)
            while !isOpen.load(ordering: .acquiring) { usleep(50_000) }
        }

        func open() { isOpen.store(true, ordering: .releasing) }
    }

    @Test("is a few threads of each, and keeps nobody else waiting, however many they are")
    func others() async throws {
        let closer = PatientCloser()
        let gate = Gate()
        defer { gate.open() }
        for userID in 1...40 as ClosedRange<UInt32> {
            for _ in 0..<6 { closer.perform(for: userID) { gate.pass() } }
        }
        let other = Gate()
        other.open()
        closer.perform(for: 1_000) { other.pass() }
        let deadline = ContinuousClock.now + ample
        while other.count == 0, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(5)) }
        #expect(other.count == 1)
        while gate.count < 160, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
        try await Task.sleep(for: .milliseconds(50))
        #expect(gate.count == 160)
        #expect(closer.isHeldUp(by: 1))
        #expect(!closer.isHeldUp(by: 1_000))
        // What was beyond is done in the end.
        gate.open()
        while gate.count < 240, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(gate.count == 240)
    }
}
