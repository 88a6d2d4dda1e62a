import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The pipe with a password")
struct PasswordPipeTests {
    @Test("is emptied also while somebody else could write to it: a process that another thread has forked meanwhile")
    func secondWriter() async {
        // In a process of its own, which ends if it waits.
        await #expect(processExitsWith: .success) {
            var bytes = Array("alice-secret".utf8)
            let pipe = try PasswordPipe(holding: Secret(consumingBytes: &bytes))
            let reading = try OwnedDescriptor(duplicating: pipe.reading.rawValue)
            let writing = unsafe open("/proc/self/fd/\(reading.rawValue)", O_WRONLY | O_CLOEXEC)
            try #require(writing >= 0)
            alarm(60)
            pipe.takeBack()
            alarm(0)
            var count: Int32 = -1
            #expect(unsafe ioctl(reading.rawValue, UInt(FIONREAD), &count) == 0)
            #expect(count == 0)
            close(writing)
        }
    }
}
