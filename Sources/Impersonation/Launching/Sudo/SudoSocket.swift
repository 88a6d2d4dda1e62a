import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage

/// A socket between a daemon and its launcher: the launcher's standard input, or what `sudo` has for its standard error.
///
/// The kernel says of everything that comes in who has sent it (`SO_PASSCRED`, unix(7)): a process can put no other number there
/// than its own, unless it may do anything in the process namespace that it is in.
struct SudoSocket: Sendable {
    let daemon: OwnedDescriptor
    let launcher: OwnedDescriptor

    private let takesDescriptors: Bool

    /// Makes it.
    ///
    /// The account can send descriptors to kernels before 6.16, whose last close is then the daemon's and takes as long as the
    /// account likes. So they are left where they are, and the socket is closed on a thread that nobody waits for.
    ///
    /// - Parameters:
    ///   - userID: The account that gets the other end.
    ///   - refusesDescriptors: Whether the kernel is asked to keep it from sending descriptors.
    /// - Throws: `Errno` of `socketpair(2)`.
    init(of userID: UInt32, refusesDescriptors: Bool = true) throws(Errno) {
        var ends: (daemon: Int32, launcher: Int32) = (-1, -1)
        var takes: Int32 = refusesDescriptors ? 0 : 1
        let result = unsafe order_socket_create(&ends.daemon, &ends.launcher, &takes)
        guard result == 0 else { throw Errno(rawValue: -result) }
        let takesDescriptors = takes != 0
        self.takesDescriptors = takesDescriptors
        let launcher = OwnedDescriptor(ends.launcher)
        daemon = try OwnedDescriptor(moving: ends.daemon) { descriptor in
            guard takesDescriptors else {
                _ = close(descriptor)
                return
            }
            // That holds nobody up, and the launcher is to hear of the end whatever becomes of the close.
            _ = shutdown(descriptor, Int32(SHUT_RDWR))
            PatientCloser.shared.close(descriptor, of: userID) { _ = close($0) }
        }
        guard let taken = launcher.take() else { throw .badFileDescriptor }
        self.launcher = try OwnedDescriptor(moving: taken.rawValue)
    }

    /// Who has said hello, by the kernel's word, and what of itself.
    struct Greeting {
        let processID: Int32
        let userID: UInt32
        let groupID: UInt32
        let parent: Int32
        let limits: DaemonFacts.Limits
    }

    /// What has come in.
    enum Arrival {
        case greeting(Greeting)
        case nothing
        case end
        /// Something else, which only somebody who is not the launcher can have sent.
        case nonsense
    }

    /// Reads what is there.
    func receive() -> Arrival {
        var hello = launch_hello()
        var sender = order_sender()
        let count = daemon.withOpen { descriptor in
            unsafe order_receive(
                descriptor,
                &hello,
                MemoryLayout<launch_hello>.size,
                &sender,
                takesDescriptors ? 1 : 0
            )
        }
        switch count {
        case -Int(EAGAIN): return .nothing
        case -Int(EBADMSG), -Int(EPROTO): return .nonsense
        case ...0: return .end
        case MemoryLayout<launch_hello>.size where hello.magic == LAUNCH_HELLO_MAGIC: break
        default: return .nonsense
        }
        guard hello.version == LAUNCH_ORDER_VERSION, sender.process > 1 else { return .nonsense }
        var limits: DaemonFacts.Limits = [:]
        unsafe withUnsafeBytes(of: hello.limits) { bytes in
            let values = unsafe bytes.bindMemory(to: UInt64.self)
            for resource in 0..<Int(LAUNCH_LIMIT_COUNT) {
                unsafe limits[Int32(resource)] = (values[2 * resource], values[2 * resource + 1])
            }
        }
        return .greeting(
            Greeting(
                processID: sender.process,
                userID: sender.user,
                groupID: sender.group,
                parent: hello.parent,
                limits: limits
            )
        )
    }

    /// Reads bytes and who has written all of them, without waiting.
    ///
    /// The kernel does not join what different processes have written.
    ///
    /// - Parameters:
    ///   - buffer: Where they go; no more are read than there are now.
    ///   - sender: Who has written them.
    /// - Returns: How many bytes, 0 at the end, or a negative error number; `-EBADF` once the end was closed.
    func read(into buffer: UnsafeMutableRawBufferPointer, from sender: inout order_sender) -> Int {
        daemon.withOpen { descriptor in
            guard descriptor >= 0 else { return -Int(EBADF) }
            // Whoever writes single bytes as fast as they are taken would keep recvmsg(2) in here.
            let waiting = max(1, Int(linux_stream_waiting(descriptor)))
            return unsafe order_receive(
                descriptor,
                buffer.baseAddress,
                min(buffer.count, waiting),
                &sender,
                takesDescriptors ? 1 : 0
            )
        }
    }

    /// Writes the answer to a prompt.
    func write(_ secret: borrowing Secret) {
        secret.withBytes { span in
            unsafe span.withUnsafeBytes { bytes in
                // The launch may be given up meanwhile, and the number be somebody else's.
                daemon.withOpen { descriptor in
                    _ = unsafe send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
                    var newline = UInt8(ascii: "\n")
                    _ = unsafe send(descriptor, &newline, 1, Int32(MSG_NOSIGNAL))
                }
            }
        }
    }

    /// Whoever reads for an answer finds the end.
    func endAnswers() {
        daemon.withOpen { _ = shutdown($0, Int32(SHUT_WR)) }
    }
}
