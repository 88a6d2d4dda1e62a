package import LaunchPlan
import SystemPackage

/// A frame that is ready to be sent, as often as it takes until the socket has room for it.
package struct OutgoingFrame: Sendable {
    package let bytes: [UInt8]

    /// All descriptors that go with it, open until it is sent.
    package let descriptors: [OwnedDescriptor]

    /// Takes bytes as they are.
    package init(bytes: [UInt8], descriptors: [OwnedDescriptor]) {
        self.bytes = bytes
        self.descriptors = descriptors
    }

    /// Puts a frame and its descriptors together, and what is too large for it into sealed memory.
    ///
    /// - Parameters:
    ///   - frame: The frame.
    ///   - descriptors: As many as it names.
    /// - Throws: ``FrameSocketError`` when they do not fit, or there is no memory to be had.
    package init(_ frame: EncodedFrame, descriptors: [OwnedDescriptor] = []) throws(FrameSocketError) {
        guard descriptors.count == frame.descriptorCount else { throw FrameSocketError(.wrongDescriptors) }
        bytes = frame.bytes
        do throws(Errno) {
            let memory = try frame.sealed.map { bytes throws(Errno) in try SealedMemory.holding(bytes) }
            self.descriptors = (memory.map { [$0] } ?? []) + descriptors
        } catch {
            throw FrameSocketError(.systemCall, errno: error)
        }
    }
}
