import CLaunchPlan
import Glibc
import Testing

@testable import LaunchPlan

@Suite("A signal")
struct ProcessNumberTests {
    @Test("never goes to a number that means this group, every process or the first one", arguments: [0, 1, -1, .min])
    func reserved(_ number: Int32) {
        let own = linux_pidfd_open(getpid())
        let leader = StartedChild(processID: number, processDescriptor: OwnedDescriptor(own))
        #expect(launch_signal_group(own, number, 0) == -EINVAL)
        #expect(SessionScan.signal(0, treeOf: leader).isEmpty)
        #expect(launch_signal(number, 0) < 0)
    }
}
