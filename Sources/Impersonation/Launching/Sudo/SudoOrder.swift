import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage

/// The socket between a daemon and its launcher, which is the launcher's standard input.
struct SudoSocket {
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

/// What a launcher is told: the plan, the strings and the descriptors of a job.
struct SudoOrder {
    let plan: EncodedPlan
    /// `argv`, or only its first element where the launcher was named the rest.
    let arguments: [String]
    let environment: [String]
    let flags: UInt32

    /// Sends it.
    ///
    /// - Parameters:
    ///   - socket: To whom.
    ///   - status: The writing end of the status pipe.
    ///   - token: What decides who has the last word.
    ///   - descriptors: Those of the job, from 0 upwards.
    /// - Throws: `Errno` of `memfd_create(2)`, `write(2)` or `sendmsg(2)`.
    func send(
        over socket: SudoSocket,
        status: OwnedDescriptor,
        token: LaunchToken,
        descriptors: [OwnedDescriptor]
    ) throws(Errno) {
        var bytes = plan.bytes
        for text in arguments + environment {
            bytes.append(contentsOf: text.utf8)
            bytes.append(0)
        }
        let file = unsafe bytes.withUnsafeBytes { unsafe order_memory_create($0.baseAddress, $0.count) }
        guard file >= 0 else { throw Errno(rawValue: -file) }
        let memory = OwnedDescriptor(file)
        let all = [memory.rawValue, status.rawValue, token.descriptor.rawValue] + descriptors.map(\.rawValue)
        var order = launch_order(
            magic: LAUNCH_ORDER_MAGIC,
            version: LAUNCH_ORDER_VERSION,
            flags: flags,
            descriptor_count: UInt32(all.count),
            plan_size: UInt64(plan.bytes.count),
            strings_size: UInt64(bytes.count - plan.bytes.count),
            argument_count: UInt32(arguments.count),
            environment_count: UInt32(environment.count)
        )
        let result = unsafe order_send(
            socket.daemon.rawValue,
            &order,
            MemoryLayout<launch_order>.size,
            all,
            all.count
        )
        memory.closeNow()
        guard result == 0 else { throw Errno(rawValue: -result) }
    }
}
