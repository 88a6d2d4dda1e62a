import CLaunchProtocol
import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import LaunchProtocol

@Suite("A launch that is too large for a frame")
struct LargeLaunchTests {
    private func received(_ first: OwnedDescriptor, size: Int, others: Int = 4) throws -> ClientFrame {
        let files = try (0..<others).map { _ in try Canary().writing }
        let bytes = frame(3, descriptors: UInt8(others + 1), wire(UInt32(size)))
        return try ClientFrame(decoding: ReceivedFrame(bytes: bytes, descriptors: [first] + files))
    }

    private func memory(_ bytes: [UInt8], seals: Int32) throws -> OwnedDescriptor {
        let file = unsafe bytes.withUnsafeBytes { unsafe frame_memory_create($0.baseAddress, $0.count, seals) }
        try #require(file >= 0)
        return try OwnedDescriptor(moving: file)
    }

    @Test("goes in memory from one byte too many on")
    func threshold() throws {
        var order = Samples.order
        let room = FrameHeader.largestBody - (try order.encoded().count)
        order.arguments.append([UInt8](repeating: 0x61, count: room - 4))
        let fitting = try ClientMessage.launch(order).encoded(sequence: 1)
        #expect(fitting.bytes.count == ProtocolLimits.frameSize)
        #expect(fitting.sealed == nil)
        order.arguments[2].append(0x61)
        let large = try ClientMessage.launch(order).encoded(sequence: 1)
        #expect(large.bytes.count == FrameHeader.size + 4)
        #expect(large.sealed?.count == FrameHeader.largestBody + 1)
    }

    @Test("is refused above eight mebibytes")
    func limit() throws {
        var order = Samples.order
        order.arguments = Array(repeating: [UInt8](repeating: 0x61, count: 131_000), count: 64)
        #expect(try ClientMessage.launch(order).encoded(sequence: 1).sealed != nil)
        order.arguments.append(order.arguments[0])
        let error = #expect(throws: FrameError.self) { try ClientMessage.launch(order).encoded(sequence: 1) }
        #expect(error?.code == .tooLarge)
        #expect(error?.field == "launch size")
    }

    @Test("is read from sealed memory, which is not the job's")
    func sealed() throws {
        let bytes = try Samples.large().encoded()
        let frame = try received(memory(bytes, seals: FRAME_SEALS), size: bytes.count)
        #expect(frame.message == .launch(Samples.large()))
        #expect(frame.descriptors.count == 4)
    }

    /// F_SEAL_SEAL may be missing where all others are there; then the others can still not be taken away, but the rule
    /// stays simple.
    @Test("is refused from memory with a seal too few", arguments: [0, 1, 2, 4, 8, 7, 11, 13, 14] as [Int32])
    func unsealed(_ seals: Int32) throws {
        let bytes = try Samples.large().encoded()
        #expect(throws: FrameError(.notSealed, at: 0, in: "memory of the launch")) {
            try received(memory(bytes, seals: seals), size: bytes.count)
        }
    }

    @Test("is refused from anything but memory", arguments: ["/dev/zero", "/proc/self/exe", "/", "/dev/null"])
    func noMemory(_ path: String) throws {
        let file = try OwnedDescriptor(moving: FileDescriptor.open(FilePath(path), .readOnly).rawValue)
        #expect(throws: FrameError(.notSealed, at: 0, in: "memory of the launch")) { try received(file, size: 100_000) }
    }

    @Test("is refused from a pipe that would never end")
    func pipe() throws {
        let ends = try OwnedDescriptor.pipe()
        #expect(throws: FrameError(.notSealed, at: 0, in: "memory of the launch")) {
            try received(ends.reading, size: 100_000)
        }
    }

    @Test("is refused when the memory has another size", arguments: [-1, 1])
    func size(_ difference: Int) throws {
        let bytes = try Samples.large().encoded()
        #expect(throws: FrameError(.contradiction, at: 24, in: "launch size")) {
            try received(memory(bytes, seals: FRAME_SEALS), size: bytes.count + difference)
        }
    }

    @Test("is refused without memory, or with other descriptors than it names", arguments: [3, 5])
    func descriptors(_ others: Int) throws {
        let bytes = try Samples.large().encoded()
        #expect(throws: FrameError.descriptorCount) {
            try received(memory(bytes, seals: FRAME_SEALS), size: bytes.count, others: others)
        }
        #expect(throws: FrameError.descriptorCount) {
            try ClientFrame(decoding: ReceivedFrame(bytes: frame(3, wire(UInt32(9))), descriptors: []))
        }
    }

    @Test("says where it is wrong from the beginning of the memory")
    func offsets() throws {
        let wrong = Samples.orderBytes.replacing("niceness", with: wire(Int32(20)))
        let offset = try #require(wrong.offset(of: "niceness"))
        #expect(throws: FrameError(.tooLarge, at: offset, in: "niceness")) {
            try received(memory(wrong.bytes, seals: FRAME_SEALS), size: wrong.bytes.count)
        }
    }

    @Test("cannot be changed, nor run, by whoever made it")
    func unchangeable() throws {
        let file = try SealedMemory.holding([1, 2, 3])
        #expect(frame_is_sealed(file.rawValue) == 1)
        var byte: UInt8 = 9
        #expect(unsafe pwrite(file.rawValue, &byte, 1, 0) == -1)
        #expect(ftruncate(file.rawValue, 1) == -1)
        #expect(unsafe mmap(nil, 3, PROT_READ | PROT_WRITE, MAP_SHARED, file.rawValue, 0) == MAP_FAILED)
        #expect(fcntl(file.rawValue, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test("is an error, and no SIGXFSZ, in a daemon that limits the size of its files")
    func fileSizeLimit() async throws {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
            #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let encoded = try ClientMessage.launch(Samples.large()).encoded(sequence: 1)
            let files = try (0..<4).map { _ in try Canary().writing }
            #expect(throws: FrameSocketError(.systemCall, errno: .fileTooLarge)) {
                try OutgoingFrame(encoded, descriptors: files)
            }
        }
    }
}
