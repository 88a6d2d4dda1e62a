/// A frame as bytes, before any descriptor is made for it: the pure part of sending.
package struct EncodedFrame: Hashable, Sendable {
    /// Header and body: one message of the socket.
    package let bytes: [UInt8]

    /// A launch that is too large for ``bytes``: it goes into a memory file, which is passed as the first descriptor.
    package let sealed: [UInt8]?

    /// How many descriptors go with it besides that file.
    package let descriptorCount: Int

    /// Writes a frame whose body fits.
    init(
        _ type: FrameType,
        sequence: UInt64,
        descriptorCount: Int = 0,
        body: [UInt8],
        sealed: [UInt8]? = nil
    ) throws(FrameError) {
        let header = FrameHeader(
            type,
            sequence: sequence,
            bodySize: body.count,
            descriptorCount: descriptorCount + (sealed == nil ? 0 : 1)
        )
        var writer = ByteWriter()
        try header.encode(to: &writer)
        writer.append(body)
        bytes = writer.bytes
        self.sealed = sealed
        self.descriptorCount = descriptorCount
    }
}
