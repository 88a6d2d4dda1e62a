import Synchronization
import Testing

@testable import spawn_benchmarks

@Suite("What a soak looks at")
struct SoakTests {
    @Test func `descriptors that are others than before are told, though there are as many`() {
        let before = DescriptorTable(["3": "socket:[11]", "4": "/dev/null", "5": "pipe:[12]"], isSteady: true)
        let after = DescriptorTable(["3": "socket:[99]", "4": "/dev/null", "5": "pipe:[12]"], isSteady: true)
        #expect(
            after.differences(from: before) == [
                "1 descriptors are gone: 3 is socket:[11]", "1 descriptors are left: 3 is socket:[99]",
            ]
        )
        #expect(before.differences(from: before).isEmpty)
        let moved = DescriptorTable(["3": "socket:[11]", "4": "pipe:[12]", "5": "/dev/null"], isSteady: true)
        #expect(moved.differences(from: before).count == 4)
    }

    @Test func `where sockets and pipes may be others, one more is told, and another kind`() {
        let before = DescriptorTable(["3": "socket:[11]", "4": "pipe:[12]", "5": "/log"], isSteady: false)
        #expect(
            DescriptorTable(["3": "/log", "7": "socket:[1]", "8": "pipe:[9]"], isSteady: false)
                .differences(from: before).isEmpty
        )
        let after = DescriptorTable(["3": "socket:[11]", "4": "socket:[12]", "5": "/log"], isSteady: false)
        #expect(
            after.differences(from: before) == ["1 descriptors are gone: pipe:[]", "1 descriptors are left: socket:[]"]
        )
    }

    @Test(
        arguments: [([1, 2, 3, 4], true), ([1, 1, 2, 3], false), ([1, 2, 3, 3], false), ([0, 0, 0, 0], false)]
            as [([UInt64], Bool)]
    )
    func `threads that do not come and go during a part of it are told`(counts: [UInt64], isFine: Bool) {
        let next = Mutex(counts[...])
        let progress = ChurnProgress(launches: 3_000) { next.withLock { $0.popFirst() ?? 0 } }
        for number in 0..<1_500 { progress.passed(number) }
        #expect(progress.end().isEmpty == isFine)
        #expect(next.withLock { $0.isEmpty })
    }
}
