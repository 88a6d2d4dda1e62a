package import LaunchPlan

/// A message of a launcher on its way to the helper.
package struct ClientFrame: Sendable {
    /// The launch it is about; the launcher numbers them.
    package let sequence: UInt64

    package let message: ClientMessage

    /// The descriptors of a launch, in the order of ``LaunchOrder/descriptorTargets``.
    package let descriptors: [OwnedDescriptor]

    package init(sequence: UInt64, message: ClientMessage, descriptors: [OwnedDescriptor] = []) {
        self.sequence = sequence
        self.message = message
        self.descriptors = descriptors
    }

    /// Reads a message.
    ///
    /// A launch in a memory file is copied once the file is known to be sealed, and read from the copy.
    ///
    /// - Parameter frame: What came; its descriptors close with it when this throws.
    /// - Throws: What is wrong; the connection is to be closed.
    package init(decoding frame: ReceivedFrame) throws(FrameError) {
        let header = try frame.header()
        sequence = header.sequence
        if header.type == .largeLaunch {
            let size = try ClientMessage.sizeOfLargeLaunch(frame.bytes)
            guard let file = frame.descriptors.first else { throw .descriptorCount }
            let copy = try SealedMemory.copy(of: file, size: size)
            defer { copy.wipe() }
            message = .launch(try LaunchOrder(decoding: copy))
            descriptors = Array(frame.descriptors.dropFirst())
        } else {
            message = try ClientMessage(header.type, in: frame.bytes)
            descriptors = frame.descriptors
        }
        guard descriptors.count == message.descriptorCount else { throw .descriptorCount }
    }

    /// Writes the message.
    ///
    /// - Returns: The bytes to send.
    /// - Throws: What the helper would refuse to read.
    package func encoded() throws(FrameError) -> EncodedFrame {
        guard descriptors.count == message.descriptorCount else { throw .descriptorCount }
        return try message.encoded(sequence: sequence)
    }
}
