import Glibc
import Testing

/// What listens where a system helper is expected, and speaks the version of the protocol before this one.
final class EarlierHelper {
    private let listener: Int32

    init(at path: String) throws {
        listener = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { place in
            precondition(path.utf8.count < place.count)
            unsafe place.copyBytes(from: path.utf8)
        }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(listener, $0, size) }
        }
        try #require(result == 0 && listen(listener, 8) == 0)
        try #require(unsafe chmod(path, 0o666) == 0)
    }

    deinit {
        close(listener)
    }

    /// Refuses whoever connects next, as one does that cannot read what was said.
    func refuseOne() async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        var accepted: Int32 = -1
        while accepted < 0 {
            try #require(ContinuousClock.now < deadline, "nobody has connected")
            try await Task.sleep(for: .milliseconds(2))
            accepted = accept(listener, nil, nil)
        }
        defer { close(accepted) }
        // Two strings behind their sizes: a code and a sentence.
        let body: [UInt8] = [5, 0, 0, 0] + Array("frame".utf8) + [1, 0, 0, 0] + Array("x".utf8)
        let header: [UInt8] =
            [0x49, 0x4D, 0x50, 0x4C, 1, 0, 0x05, 0x80] + [UInt8](repeating: 0, count: 8) + [UInt8(body.count)]
            + [UInt8](repeating: 0, count: 7)
        let frame = header + body
        let sent = unsafe frame.withUnsafeBytes {
            unsafe send(accepted, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        try #require(sent == frame.count)
    }
}
