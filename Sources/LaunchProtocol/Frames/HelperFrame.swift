package import LaunchPlan

/// A message of the helper on its way to a launcher.
package struct HelperFrame: Sendable {
    /// The launch it is about, as the launcher numbered it.
    package let sequence: UInt64

    package let message: HelperMessage

    /// The pidfd of a job that was started.
    package let descriptors: [OwnedDescriptor]

    package init(sequence: UInt64, message: HelperMessage, descriptors: [OwnedDescriptor] = []) {
        self.sequence = sequence
        self.message = message
        self.descriptors = descriptors
    }

    /// Reads a message.
    ///
    /// - Parameter frame: What came; its descriptors close with it when this throws.
    /// - Throws: What is wrong; the connection is to be closed.
    package init(decoding frame: ReceivedFrame) throws(FrameError) {
        let header = try frame.header()
        sequence = header.sequence
        message = try HelperMessage(header.type, in: frame.bytes)
        descriptors = frame.descriptors
        guard descriptors.count == message.descriptorCount else { throw .descriptorCount }
    }

    /// Writes the message.
    ///
    /// - Returns: The bytes to send.
    /// - Throws: What the launcher would refuse to read.
    package func encoded() throws(FrameError) -> EncodedFrame {
        guard descriptors.count == message.descriptorCount else { throw .descriptorCount }
        return try message.encoded(sequence: sequence)
    }
}
