import Damage

/// Changes bytes the way a broken or hostile peer would.
enum Mutation {
    private static let interesting: [UInt32] = [
        0, 1, 2, 3, 0x7F, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, .max - 1, .max,
    ]

    /// Changes one to four things; mostly the header keeps saying how long the frame is, so that the body is read.
    ///
    /// - Parameters:
    ///   - original: A frame, or what is in one.
    ///   - isFrame: Whether it has a header.
    ///   - generator: What decides.
    /// - Returns: The changed bytes.
    static func mutate(_ original: [UInt8], isFrame: Bool, with generator: inout SeededGenerator) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &generator) { change(&bytes, &generator) }
        if isFrame, bytes.count >= 24, Int.random(in: 0..<8, using: &generator) != 0 {
            bytes.replaceSubrange(16..<20, with: wire(UInt32(bytes.count - 24)))
        }
        return bytes
    }

    private static func change(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        guard !bytes.isEmpty else { return bytes.append(UInt8.random(in: 0...255, using: &generator)) }
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<8, using: &generator) {
        case 0, 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 3, 4:
            let value = wire(interesting.randomElement(using: &generator) ?? 0)
            bytes.replaceSubrange(place..<min(place + 4, bytes.count), with: value)
        case 5: bytes.removeSubrange(place..<min(place + Int.random(in: 1...8, using: &generator), bytes.count))
        case 6: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        default: bytes.removeSubrange(place...)
        }
    }
}
