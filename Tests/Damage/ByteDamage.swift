/// Damages bytes the way a careless editor or a stranger would, the same way in every run.
package struct ByteDamage: RandomNumberGenerator {
    private var generator: SeededGenerator

    /// Creates a generator.
    ///
    /// - Parameter seed: The same damage comes from the same seed.
    package init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    package mutating func next() -> UInt64 { generator.next() }

    /// Changes one to four places.
    ///
    /// - Parameters:
    ///   - original: The bytes.
    ///   - interesting: Those that mean something to who reads them.
    /// - Returns: The changed bytes.
    package mutating func damage(_ original: [UInt8], with interesting: [UInt8]) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let byte = interesting.randomElement(using: &self) ?? 0
            guard !bytes.isEmpty else {
                bytes.append(byte)
                continue
            }
            let index = Int.random(in: 0..<bytes.count, using: &self)
            let part = index..<min(bytes.count, index + Int.random(in: 1...20, using: &self))
            switch Int.random(in: 0..<6, using: &self) {
            case 0: bytes.insert(byte, at: index)
            case 1: bytes.remove(at: index)
            case 2: bytes[index] = byte
            case 3: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 4: bytes.removeSubrange(part)
            default: bytes.insert(contentsOf: bytes[part], at: index)
            }
        }
        return bytes
    }
}
