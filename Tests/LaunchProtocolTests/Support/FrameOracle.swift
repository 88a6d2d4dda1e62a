@testable import LaunchProtocol

/// What holds for all bytes, whoever sends them.
///
/// The decoder names a place in them, or has read a message that the encoder writes as exactly these bytes. Nothing has
/// two spellings, so no check can be passed by the other one.
enum FrameOracle {
    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        complaint(about: bytes, "an order") { () throws(FrameError) in
            let order = try LaunchOrder(decoding: bytes)
            return { () throws(FrameError) in try order.encoded() }
        }
            ?? complaint(about: bytes, "a message of a launcher") { () throws(FrameError) in
                let header = try FrameHeader(decoding: bytes)
                if header.type == .largeLaunch {
                    _ = try ClientMessage.sizeOfLargeLaunch(bytes)
                    return { () throws(FrameError) in bytes }
                }
                let message = try ClientMessage(header.type, in: bytes)
                guard header.descriptorCount == message.descriptorCount else { throw .descriptorCount }
                return { () throws(FrameError) in try message.encoded(sequence: header.sequence).bytes }
            }
            ?? complaint(about: bytes, "a message of the helper") { () throws(FrameError) in
                let header = try FrameHeader(decoding: bytes)
                let message = try HelperMessage(header.type, in: bytes)
                guard header.descriptorCount == message.descriptorCount else { throw .descriptorCount }
                return { () throws(FrameError) in try message.encoded(sequence: header.sequence).bytes }
            }
    }

    private static func complaint(
        about bytes: [UInt8],
        _ kind: String,
        _ decode: () throws(FrameError) -> () throws(FrameError) -> [UInt8]
    ) -> String? {
        let encode: () throws(FrameError) -> [UInt8]
        do throws(FrameError) {
            encode = try decode()
        } catch {
            return (0...bytes.count).contains(error.offset)
                ? nil : "\(kind): \(error.code) at \(error.offset) of \(bytes.count) bytes"
        }
        do throws(FrameError) {
            return try encode() == bytes ? nil : "\(kind): is written in another way than it was read"
        } catch {
            return "\(kind): is read, but not written: \(error.message)"
        }
    }
}
