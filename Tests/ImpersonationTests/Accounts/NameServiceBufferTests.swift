import Glibc
import NameLookup
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The buffer for answers of the name service")
struct NameServiceBufferTests {
    @Test("grows until the answer fits")
    func grows() {
        var sizes: [Int] = []
        let answer: NameServiceAnswer<Int> = unsafe NameServiceBuffer.lookUp { _, size in
            sizes.append(size)
            return size < 200_000 ? .nothing(ERANGE) : .answer(.found(size))
        }
        guard case .found(let size) = answer else {
            Issue.record("no answer")
            return
        }
        #expect(size >= 200_000)
        #expect(sizes.first == 4_096)
        #expect(sizes == sizes.sorted() && Set(sizes).count == sizes.count)
    }

    @Test("does not grow for ever")
    func isBounded() {
        var largest = 0
        let answer: NameServiceAnswer<Int> = unsafe NameServiceBuffer.lookUp { _, size in
            largest = size
            return .nothing(ERANGE)
        }
        guard case .tooLarge = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(largest == 4 << 20)
    }

    @Test("is asked again after an interruption, but not for ever")
    func interruptions() {
        var calls = 0
        let third: NameServiceAnswer<Int> = unsafe NameServiceBuffer.lookUp { _, _ in
            calls += 1
            return calls < 3 ? .nothing(EINTR) : .nothing(0)
        }
        guard case .absent = third else {
            Issue.record("\(third)")
            return
        }
        #expect(calls == 3)
        let never: NameServiceAnswer<Int> = unsafe NameServiceBuffer.lookUp { _, _ in .nothing(EINTR) }
        guard case .failed(.interrupted) = never else {
            Issue.record("\(never)")
            return
        }
    }

    @Test("of groups grows to the number that is asked for, also when it changes in between")
    func groupsGrow() {
        var needed = 100
        let answer = unsafe NameServiceBuffer.list { groups, count in
            let room = count
            count = CInt(needed)
            guard room >= needed else {
                needed = 1_202
                return -1
            }
            for index in 0..<needed { unsafe groups[index] = gid_t(index) }
            return count
        }
        guard case .found(let groups) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(groups.count == 1_202)
        #expect(groups.last == GroupID(rawValue: 1_201))
    }

    @Test("of groups holds as many as the kernel does, and not one more", arguments: [65_536, 65_537])
    func groupsAreBounded(needed: Int) {
        let answer = unsafe NameServiceBuffer.list { _, count in
            let room = count
            count = CInt(needed)
            return room >= needed ? count : -1
        }
        switch answer {
        case .found(let groups): #expect(groups.count == 65_536 && needed == 65_536)
        case .tooLarge: #expect(needed == 65_537)
        default: Issue.record("\(answer)")
        }
    }

    @Test("of groups reports a failure that is not about room")
    func groupsFail() {
        let answer = unsafe NameServiceBuffer.list { _, _ in -1 }
        guard case .failed(.noMemory) = answer else {
            Issue.record("\(answer)")
            return
        }
    }
}
