import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage
import Testing

@Suite("Descriptors that are closed by a process of their own")
struct CloseAsideTests {
    /// A wait also for a child that ends without a signal (`__WALL`).
    private static let anyChild = Int32(bitPattern: 0x4000_0000)

    /// Waits for the process, in the process of the test alone.
    private static func status(of process: Int32) -> Int32? {
        var status: Int32 = 0
        var result: pid_t
        repeat { result = unsafe waitpid(process, &status, anyChild) } while result < 0 && errno == EINTR
        return result == process ? status : nil
    }

    @Test("are gone from the table of the caller, all of them, and the process ends without a signal")
    func closed() async {
        await #expect(processExitsWith: .success) {
            let pipes = try (0..<100).map { _ in try OwnedDescriptor.pipe() }
            let writing = pipes.compactMap { $0.writing.take()?.rawValue }
            try #require(writing.count == 100)
            let process = unsafe writing.withUnsafeBufferPointer {
                unsafe launch_close_aside($0.baseAddress, Int32($0.count))
            }
            try #require(process > 0)
            // Without its signal, only whoever asks for such children finds it (wait(2)).
            var status: Int32 = 0
            let ordinary = unsafe waitpid(process, &status, 0)
            #expect(ordinary == -1 && errno == ECHILD)
            #expect(Self.status(of: process) == 0)
            for (pipe, descriptor) in zip(pipes, writing) {
                #expect(fcntl(descriptor, F_GETFD) == -1)
                var byte: UInt8 = 0
                #expect(unsafe read(pipe.reading.rawValue, &byte, 1) == 0)
            }
        }
    }

    @Test("are closed by the caller where the list is longer than the place for it")
    func many() async {
        await #expect(processExitsWith: .success) {
            let pipe = try OwnedDescriptor.pipe()
            let writing = try #require(pipe.writing.take()?.rawValue)
            let list = [writing] + [Int32](repeating: -1, count: 20_000)
            let process = unsafe list.withUnsafeBufferPointer {
                unsafe launch_close_aside($0.baseAddress, Int32($0.count))
            }
            #expect(process == 0)
            #expect(fcntl(writing, F_GETFD) == -1)
        }
    }

    @Test("are left alone when there are none")
    func none() {
        #expect(launch_close_aside(nil, 0) == 0)
    }
}
