import CLaunchPlan
import Glibc
import Testing

@testable import LaunchPlan

@Suite("A signal")
struct ProcessNumberTests {
    @Test("never goes to a number that means this group, every process or the first one", arguments: [0, 1, -1, .min])
    func reserved(_ number: Int32) throws {
        let own = linux_pidfd_open(getpid())
        let leader = StartedChild(processID: number, processDescriptor: OwnedDescriptor(own))
        #expect(launch_signal_group(own, number, 0) == -EINVAL)
        #expect(SessionScan.signal(0, treeOf: leader).isEmpty)
        // The descriptor says who is meant, whatever the number is.
        let processes = try [sleeper(), sleeper()]
        let child = StartedChild(
            processID: number,
            processDescriptor: OwnedDescriptor(linux_pidfd_open(processes[0]))
        )
        #expect(child.send(SIGKILL) == 0)
        var status: Int32 = 0
        #expect(unsafe waitpid(processes[0], &status, 0) == processes[0])
        #expect(status == SIGKILL)
        #expect(unsafe waitpid(processes[1], &status, WNOHANG) == 0)
        #expect(kill(processes[1], SIGKILL) == 0)
        #expect(unsafe waitpid(processes[1], &status, 0) == processes[1])
    }

    private func sleeper() throws -> pid_t {
        var process: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("sleep"), strdup("100000"), nil]
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
        }
        try #require(unsafe posix_spawn(&process, "/bin/sleep", nil, nil, &arguments, nil) == 0)
        return process
    }
}
