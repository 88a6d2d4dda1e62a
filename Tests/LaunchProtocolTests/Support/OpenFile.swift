import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import LaunchProtocol

/// What file a descriptor stands for.
struct OpenFile: Hashable {
    let device: UInt
    let inode: UInt

    init(_ descriptor: Int32) throws {
        var status = stat()
        try #require(unsafe fstat(descriptor, &status) == 0)
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
    }

    init(_ descriptor: OwnedDescriptor) throws {
        try self.init(descriptor.rawValue)
    }
}

/// A pipe of which nobody has the writing end any more, once all that was passed on is closed.
struct Canary {
    private let reading: OwnedDescriptor
    let writing: OwnedDescriptor

    init() throws {
        (reading, writing) = try OwnedDescriptor.pipe()
    }

    /// Closes the writing end here and tells whether it is open anywhere else.
    func isHeldElsewhere() -> Bool {
        writing.closeNow()
        var event = pollfd(fd: reading.rawValue, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&event, 1, 0) == 0
    }
}

extension FrameSocket {
    /// A frame that has to be there.
    func expectFrame() throws -> ReceivedFrame {
        guard case .frame(let frame) = try receive() else {
            throw FrameSocketError(.unexpectedData)
        }
        return frame
    }

    /// Sends bytes that need not be a frame.
    func sendRaw(_ bytes: [UInt8], _ descriptors: [OwnedDescriptor] = []) throws {
        #expect(try send(OutgoingFrame(bytes: bytes, descriptors: descriptors)) == .sent)
    }
}
