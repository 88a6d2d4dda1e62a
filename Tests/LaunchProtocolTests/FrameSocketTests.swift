import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import LaunchProtocol

@Suite("The socket between a launcher and the helper")
struct FrameSocketTests {
    @Test("carries every message of a launcher", arguments: Samples.clientMessages + [.launch(Samples.large())])
    func client(_ message: ClientMessage) throws {
        let (launcher, helper) = try FrameSocket.pair()
        let canaries = try (0..<message.descriptorCount).map { _ in try Canary() }
        let sent = ClientFrame(sequence: 9, message: message, descriptors: canaries.map(\.writing))
        #expect(try launcher.send(OutgoingFrame(sent.encoded(), descriptors: sent.descriptors)) == .sent)
        let received = try ClientFrame(decoding: helper.expectFrame())
        #expect(received.sequence == 9)
        #expect(received.message == message)
        #expect(try received.descriptors.map(OpenFile.init) == canaries.map { try OpenFile($0.writing) })
    }

    @Test("carries every message of the helper", arguments: Samples.helperMessages)
    func helper(_ message: HelperMessage) throws {
        let (launcher, helper) = try FrameSocket.pair()
        let canaries = try (0..<message.descriptorCount).map { _ in try Canary() }
        let sent = HelperFrame(sequence: 9, message: message, descriptors: canaries.map(\.writing))
        #expect(try helper.send(OutgoingFrame(sent.encoded(), descriptors: sent.descriptors)) == .sent)
        let received = try HelperFrame(decoding: launcher.expectFrame())
        #expect(received.sequence == 9)
        #expect(received.message == message)
        #expect(try received.descriptors.map(OpenFile.init) == canaries.map { try OpenFile($0.writing) })
    }

    @Test("passes as many descriptors as a job may have, close-on-exec and out of the way of its own")
    func manyDescriptors() throws {
        var order = Samples.order
        order.descriptorTargets = Array(0..<Int32(3 + ProtocolLimits.extraDescriptors))
        let (launcher, helper) = try FrameSocket.pair()
        let files = try order.descriptorTargets.map { _ in try Canary().writing }
        let sent = ClientFrame(sequence: 1, message: .launch(order), descriptors: files)
        #expect(try launcher.send(OutgoingFrame(sent.encoded(), descriptors: files)) == .sent)
        let received = try ClientFrame(decoding: helper.expectFrame()).descriptors
        #expect(try received.map(OpenFile.init) == files.map(OpenFile.init))
        for descriptor in received {
            #expect(fcntl(descriptor.rawValue, F_GETFD) & FD_CLOEXEC != 0)
            #expect(descriptor.rawValue >= OwnedDescriptor.lowest)
        }
    }

    @Test("keeps frames apart and in their order")
    func order() throws {
        let (launcher, helper) = try FrameSocket.pair()
        for sequence in 0..<UInt64(50) {
            let frame = try ClientMessage.withdraw.encoded(sequence: sequence)
            #expect(try launcher.send(OutgoingFrame(frame)) == .sent)
        }
        for sequence in 0..<UInt64(50) {
            #expect(try ClientFrame(decoding: helper.expectFrame()).sequence == sequence)
        }
        guard case .empty = try helper.receive() else { throw FrameSocketError(.unexpectedData) }
    }

    @Test("tells that it is full, loses nothing, and goes on once it is not")
    func full() throws {
        let (launcher, helper) = try FrameSocket.pair()
        let frame = try OutgoingFrame(ClientMessage.withdraw.encoded(sequence: 1))
        var sent = 0
        while try launcher.send(frame) == .sent { sent += 1 }
        #expect(sent > 0)
        #expect(try launcher.send(frame) == .full)
        for _ in 0..<sent { _ = try helper.expectFrame() }
        guard case .empty = try helper.receive() else { throw FrameSocketError(.unexpectedData) }
        #expect(try launcher.send(frame) == .sent)
        _ = try helper.expectFrame()
    }

    @Test("tells the end of the other side, and nobody gets SIGPIPE")
    func end() throws {
        let (launcher, helper) = try FrameSocket.pair()
        let frame = try OutgoingFrame(ClientMessage.withdraw.encoded(sequence: 1))
        #expect(try launcher.send(frame) == .sent)
        launcher.descriptor.closeNow()
        _ = try helper.expectFrame()
        guard case .end = try helper.receive() else { throw FrameSocketError(.unexpectedData) }
        #expect(throws: FrameSocketError(.connectionClosed)) { try helper.send(frame) }
    }

    @Test("tells the end of a peer that has not read everything, before the end itself", arguments: [true, false])
    func endWithUnread(_ takesDescriptors: Bool) throws {
        let (launcher, helper) = try FrameSocket.pair()
        #expect(try helper.send(OutgoingFrame(ClientMessage.withdraw.encoded(sequence: 1))) == .sent)
        launcher.descriptor.closeNow()
        guard case .reset = try helper.receive(takingDescriptors: takesDescriptors) else {
            throw FrameSocketError(.unexpectedData)
        }
        guard case .end = try helper.receive(takingDescriptors: takesDescriptors) else {
            throw FrameSocketError(.unexpectedData)
        }
    }

    @Test("takes no message larger than a frame, and closes what came with it")
    func tooLarge() throws {
        let (launcher, helper) = try FrameSocket.pair()
        let canary = try Canary()
        try launcher.sendRaw([UInt8](repeating: 0, count: ProtocolLimits.frameSize + 1), [canary.writing])
        #expect(throws: FrameSocketError(.cutOff)) { try helper.receive() }
        #expect(!canary.isHeldElsewhere())
        try launcher.sendRaw([UInt8](repeating: 0, count: ProtocolLimits.frameSize))
        #expect(try helper.expectFrame().bytes.count == ProtocolLimits.frameSize)
    }

    @Test("takes no descriptors without bytes, and closes them")
    func onlyDescriptors() throws {
        let (launcher, helper) = try FrameSocket.pair()
        let canary = try Canary()
        try launcher.sendRaw([], [canary.writing])
        #expect(throws: FrameSocketError(.unexpectedData)) { try helper.receive() }
        #expect(!canary.isHeldElsewhere())
    }

    @Test("takes nothing beside bytes and descriptors, and closes what came with it")
    func otherControlMessages() throws {
        let (launcher, helper) = try FrameSocket.pair()
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        #expect(unsafe setsockopt(helper.descriptor.rawValue, SOL_SOCKET, SO_PASSCRED, &on, size) == 0)
        let canary = try Canary()
        try launcher.sendRaw([1], [canary.writing])
        #expect(throws: FrameSocketError(.unexpectedData)) { try helper.receive() }
        #expect(!canary.isHeldElsewhere())
    }

    @Test("takes no other number of descriptors than the frame says, and closes them", arguments: [0, 3, 5])
    func wrongDescriptors(_ count: Int) throws {
        let (launcher, helper) = try FrameSocket.pair()
        let canaries = try (0..<count).map { _ in try Canary() }
        let bytes = try ClientMessage.launch(Samples.order).encoded(sequence: 1).bytes
        try launcher.sendRaw(bytes, canaries.map(\.writing))
        #expect(throws: FrameError(.wrongDescriptors, at: 20, in: "descriptor count")) {
            try ClientFrame(decoding: helper.expectFrame())
        }
        for canary in canaries { #expect(!canary.isHeldElsewhere()) }
    }

    @Test("takes no descriptors that the message has no use for", arguments: Samples.helperMessages.prefix(3))
    func uselessDescriptors(_ message: HelperMessage) throws {
        let (launcher, helper) = try FrameSocket.pair()
        let canaries = try (0...message.descriptorCount).map { _ in try Canary() }
        var bytes = try message.encoded(sequence: 1).bytes
        bytes[20] += 1
        try helper.sendRaw(bytes, canaries.map(\.writing))
        #expect(throws: FrameError(.wrongDescriptors, at: 20, in: "descriptor count")) {
            try HelperFrame(decoding: launcher.expectFrame())
        }
        for canary in canaries { #expect(!canary.isHeldElsewhere()) }
    }

    @Test("sends no frame with other descriptors than it names, nor with a closed one")
    func sendingWrongDescriptors() throws {
        let (launcher, _) = try FrameSocket.pair()
        let frame =
            try HelperMessage.started(StartedReport(processID: 1, userID: 1, fellBack: false, startNanoseconds: 0))
            .encoded(sequence: 1)
        #expect(throws: FrameSocketError(.wrongDescriptors)) { try OutgoingFrame(frame) }
        let closed = try Canary().writing
        closed.closeNow()
        #expect(throws: FrameSocketError(.wrongDescriptors)) {
            try launcher.send(OutgoingFrame(frame, descriptors: [closed]))
        }
        #expect(throws: FrameError.descriptorCount) {
            try HelperFrame(sequence: 1, message: .refused(Refusal(reason: "x", message: "")), descriptors: [closed])
                .encoded()
        }
    }

    @Test("closes every descriptor that came when there was no room for all of them")
    func noRoom() async throws {
        await #expect(processExitsWith: .success) {
            let (launcher, helper) = try FrameSocket.pair()
            let canaries = try (0..<10).map { _ in try Canary() }
            try launcher.sendRaw([1], canaries.map(\.writing))
            let highest = try #require(canaries.map(\.writing.rawValue).max())
            // Room for four more: the others are dropped by the kernel, which says so.
            var limit = rlimit(rlim_cur: rlim_t(highest) + 5, rlim_max: 1024)
            #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            #expect(throws: FrameSocketError(.cutOff)) { try helper.receive() }
            for canary in canaries { #expect(!canary.isHeldElsewhere()) }
        }
    }
}
