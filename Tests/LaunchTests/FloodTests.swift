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

    @Test("in single bytes wakes nobody for each of them")
    func restsBetween() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await TestBed.alice.identity
            _ = try await runScript("echo warm", as: person)
            let thread = try #require(
                namesIn("/proc/self/task")
                    .first { (try? ProcFile.read(FilePath("/proc/self/task/\($0)/comm"))) == "impersonation-s\n" }
            )
            let (began, before) = (ContinuousClock.now, try Self.wakings(of: thread))
            // Slow enough for whoever reads to wait for each.
            let pause = "j=0; while [ $j -lt 40 ]; do j=$((j + 1)); done"
            let script = "i=0; while [ $i -lt 10000 ]; do printf x; i=$((i + 1)); \(pause); done"
            #expect(try await runScript(script, as: person).text.utf8.count == 10_000)
            // Once for what is there, and once for the time until there is more; two streams, every two milliseconds.
            let milliseconds = Int(began.duration(to: .now) / .milliseconds(1))
            #expect(try Self.wakings(of: thread) - before <= 2 * milliseconds + 100)
        }
    }

    /// How often a thread of this process has waited for something.
    private static func wakings(of thread: String) throws -> Int {
        let status = try ProcFile.read(FilePath("/proc/self/task/\(thread)/status"))
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") })
        return try #require(Int(line.drop { !$0.isNumber }))
    }

    @Test("keeps a thread busy that no launch and no end waits for")
    func busyStreams() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await TestBed.alice.identity
            let standstill = try await Standstill(of: .streams)
            // What the job has left is read by whoever reaps it.
            let text = try await inTime { try await runScript("echo out", as: person).text }
            #expect(text == "out\n")
            standstill.end()
        }
    }

    @Test("is read while the thread that confirms and reaps has other things to do")
    func busyJobs() async throws {
        await #expect(processExitsWith: .success) {
            let (go, done) = (freshPath("go"), freshPath("done"))
            let script = "while [ ! -e \(go) ]; do sleep 0.01; done; head -c 3000000 /dev/zero; : > \(done)"
            var command = Command(.path("/bin/sh"), arguments: ["-c", script])
            command.standardOutput = .captured(limit: 1_000)
            let process = try await SetUIDLauncher().launch(patient(command), as: TestBed.alice.identity)
            let standstill = try await Standstill(of: .jobs)
            try FileDescriptor.open(go, .writeOnly, options: [.create], permissions: .ownerReadWrite).close()
            #expect(try await isInTime { while !exists(done), !Task.isCancelled { await Task.yield() } })
            standstill.end()
            let report = try await process.exitReport()
            #expect(report.standardOutput?.bytes.count == 1_000)
            #expect(report.standardOutput?.omittedBytes == 2_999_000)
        }
    }
}

/// One of the two threads that wait, kept from it.
private struct Standstill {
    private let pipe: (reading: OwnedDescriptor, writing: OwnedDescriptor)

    /// Comes back when the thread stands still.
    init(of purpose: Reactor.Purpose) async throws {
        let pipe = try OwnedDescriptor.pipe()
        let reactor = try Reactor.shared(for: purpose)
        await withCheckedContinuation { continuation in
            _ = reactor.alarm(at: .now) {
                continuation.resume()
                var byte: UInt8 = 0
                _ = unsafe read(pipe.reading.rawValue, &byte, 1)
            }
        }
        self.pipe = pipe
    }

    func end() { pipe.writing.closeNow() }
}
