import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("Output that never stops", .testBed)
struct FloodTests {
    @Test("is read up to what was there, and not on and on while more comes in")
    func readOnce() async throws {
        let (channel, job) = try StreamChannel.socket(jobWrites: true, of: 0)
        let descriptor = job.rawValue
        // The kernel charges hundreds of bytes for each message, so that not many of one byte fit; each writer may be one
        // ahead.
        var capacity = 0
        while unsafe send(descriptor, "x", 1, Int32(MSG_DONTWAIT)) == 1 { capacity += 1 }
        #expect((1..<4_096).contains(capacity))
        #expect(channel.waitingBytes == capacity)
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let writers = 4
        for _ in 0..<writers {
            let hasStarted = OwnThread.start("flood") {
                while unsafe send(descriptor, "x", 1, Int32(MSG_NOSIGNAL)) == 1 {}
                end.yield()
            }
            try #require(hasStarted)
        }
        var (total, most) = (0, 0)
        while total < 300_000 {
            let taken = unsafe withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
                unsafe channel.read(into: buffer)
            }
            try #require(taken > 0 || taken == -Int(EAGAIN))
            total += max(taken, 0)
            most = max(most, taken)
        }
        #expect(most <= capacity + writers)
        channel.descriptor.closeNow()
        for await _ in ends.prefix(writers) {}
    }

    @Test("in single bytes is captured to the last one", arguments: everyIsolation)
    func singleBytes(_ isolation: SetUIDLauncher.Isolation) async throws {
        let script = "i=0; while [ $i -lt 3000 ]; do printf x; i=$((i + 1)); done"
        let result = try await runScript(script, as: TestBed.alice.identity, SetUIDLauncher(isolation: isolation))
        #expect(result.text == String(repeating: "x", count: 3_000))
    }
}
