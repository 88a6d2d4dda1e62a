import Glibc
import SystemPackage
import Testing

@testable import Impersonation

@Suite("Locked memory")
struct LockedMemoryTests {
    /// A text that stands nowhere in the program: its bytes are made from these.
    private static let masked: [UInt8] = (0..<24).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) | 0x80 }
    private static let mask: UInt8 = 0x5A

    private static func address(of memory: borrowing LockedMemory) -> UInt {
        unsafe memory.withMutableBytes { UInt(bitPattern: $0.baseAddress) }
    }

    private static func canary() -> [UInt8] {
        masked.map { $0 ^ mask }
    }

    /// The protections this kernel offers; the locked mapping always is one.
    private static var available: [LockedMemory.Protection] {
        LockedMemory.Protection.allCases.filter { protection in
            guard protection == .hidden else { return true }
            return (try? LockedMemory(protection)) != nil
        }
    }

    @Test("is hidden where the kernel can, and locked otherwise")
    func preference() throws {
        #expect(try LockedMemory().protection == Self.available.first)
    }

    @Test("is neither swapped nor dumped nor given to forked children", arguments: Self.available)
    func flags(protection: LockedMemory.Protection) throws {
        let memory = try LockedMemory(protection)
        let flags = try OwnMemory.flags(at: Self.address(of: memory))
        #expect(flags.isSuperset(of: ["lo", "dd", protection == .hidden ? "dc" : "wf"]), "\(flags.sorted())")
    }

    @Test("is a page of zeros at first", arguments: Self.available)
    func zeros(protection: LockedMemory.Protection) throws {
        let memory = try LockedMemory(protection)
        #expect(memory.size == sysconf(Int32(_SC_PAGESIZE)))
        #expect(Self.address(of: memory) % UInt(memory.size) == 0)
        let isZero = unsafe memory.withMutableBytes { unsafe $0.allSatisfy { $0 == 0 } }
        #expect(isZero)
    }

    @Test("holds a secret where nothing else does, and nothing does when the secret is gone")
    func wiped() async {
        await #expect(processExitsWith: .success) {
            let (masked, mask) = (LockedMemoryTests.masked, LockedMemoryTests.mask)
            for protection in LockedMemoryTests.available {
                try #require(try OwnMemory.occurrences(ofMasked: masked, mask: mask) == 0)
                var source = LockedMemoryTests.canary()
                try #require(try OwnMemory.occurrences(ofMasked: masked, mask: mask) >= 1)
                do {
                    let memory = try LockedMemory(protection)
                    let secret = try unsafe Secret(in: memory) { buffer throws(CredentialStoreError) in
                        unsafe buffer.copyBytes(from: source)
                        return source.count
                    }
                    for index in source.indices { source[index] = 0 }
                    let visible = try OwnMemory.occurrences(ofMasked: masked, mask: mask)
                    try #require(visible == (protection == .hidden ? 0 : 1), "\(protection): \(visible)")
                    try #require(secret.withBytes { $0.byteCount } == masked.count)
                }
                try #require(try OwnMemory.occurrences(ofMasked: masked, mask: mask) == 0)
            }
        }
    }

    @Test("takes over the bytes of a caller without leaving them anywhere")
    func consumed() async {
        await #expect(processExitsWith: .success) {
            let (masked, mask) = (LockedMemoryTests.masked, LockedMemoryTests.mask)
            var source = LockedMemoryTests.canary()
            let isHidden = LockedMemoryTests.available.contains(.hidden)
            do {
                let secret = try Secret(consumingBytes: &source)
                let copy = try secret.copy()
                let visible = try OwnMemory.occurrences(ofMasked: masked, mask: mask)
                try #require(visible == (isHidden ? 0 : 2))
                let isSame = copy.matches(secret)
                try #require(isSame)
            }
            try #require(try OwnMemory.occurrences(ofMasked: masked, mask: mask) == 0)

            // Made in place: an array that grows leaves copies of itself behind.
            var tooLong = [UInt8](repeating: 0, count: masked.count * 30)
            for index in tooLong.indices { tooLong[index] = masked[index % masked.count] ^ mask }
            try #require(try OwnMemory.occurrences(ofMasked: masked, mask: mask) == 30)
            try #require((try? Secret(consumingBytes: &tooLong)) == nil)
            try #require(try OwnMemory.occurrences(ofMasked: masked, mask: mask) == 0)
        }
    }

    @Test("shows a forked child nothing", arguments: Self.available)
    func forkedChild(protection: LockedMemory.Protection) async {
        await #expect(processExitsWith: .success) { [isHidden = (protection == .hidden) as Bool] in
            let memory = try LockedMemory(isHidden ? .hidden : .locked)
            unsafe memory.withMutableBytes { unsafe $0.copyBytes(from: LockedMemoryTests.canary()) }
            let (reading, writing) = try FileDescriptor.pipe()
            let child = fork()
            if child == 0 {
                // What is not mapped makes write(2) fail instead of killing the child. The memory is destroyed after
                // its last use, which comes before _exit: the child has to survive that too.
                let failure = unsafe memory.withMutableBytes { buffer in
                    unsafe write(writing.rawValue, buffer.baseAddress, 64) == 64 ? 0 : errno
                }
                _exit(failure)
            }
            try writing.close()
            var status: Int32 = 0
            try #require(unsafe waitpid(child, &status, 0) == child)
            let seen = try OwnMemory.read(reading, upTo: 64)
            try #require(seen == (isHidden ? [] : Array(repeating: 0, count: 64)))
            try #require(status == (isHidden ? EFAULT : 0) << 8)
            let isIntact = unsafe memory.withMutableBytes { unsafe $0.starts(with: LockedMemoryTests.canary()) }
            try #require(isIntact)
        }
    }

    @Test("that cannot be locked makes no secret, and the message says what to raise")
    func notLockable() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 0, rlim_max: 0)
            try #require(unsafe setrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0)
            // CAP_IPC_LOCK overrides the limit and goes with user id 0.
            if geteuid() == 0 { try #require(setreuid(65_534, 65_534) == 0) }
            var source = Array("correct horse".utf8)
            do throws(CredentialStoreError) {
                _ = try Secret(consumingBytes: &source)
                Issue.record("a secret was made in memory that is not locked")
            } catch {
                try #require(error.code == .memoryUnavailable)
                try #require(error.message.contains("RLIMIT_MEMLOCK is 0 bytes"))
                try #require(error.message.contains("LimitMEMLOCK"))
            }
            try #require(source.isEmpty)
        }
    }
}
