package import LaunchPlan

/// What one receive brought, not looked into yet.
package struct ReceivedFrame: Sendable {
    /// Header and body, if it is a frame.
    package let bytes: [UInt8]

    /// The descriptors that came with it.
    package let descriptors: [OwnedDescriptor]

    package init(bytes: [UInt8], descriptors: [OwnedDescriptor] = []) {
        self.bytes = bytes
        self.descriptors = descriptors
    }

    /// The version of the protocol that the other side speaks, where that is not this library's.
    package var foreignVersion: UInt16? { FrameHeader.foreignVersion(of: bytes) }

    /// Reads the header, and insists that as many descriptors came as it says.
    func header() throws(FrameError) -> FrameHeader {
        let header = try FrameHeader(decoding: bytes)
        guard header.descriptorCount == descriptors.count else { throw .descriptorCount }
        return header
    }
}

extension FrameError {
    /// A message came with other descriptors than it needs.
    static let descriptorCount = FrameError(.wrongDescriptors, at: 20, in: "descriptor count")
}
