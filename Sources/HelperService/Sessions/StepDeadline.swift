import CHelperService
import Glibc
import LaunchPlan
import LaunchProtocol

/// An end to steps that nobody can interrupt: a module of PAM, a name service.
///
/// When the time is up, the process ends in the middle of the step, with everything that modules have started. What the daemon
/// is told then is made beforehand, since nothing can be made in the middle of a step.
struct StepDeadline {
    private let client: Monitor.Client?
    private let sequence: UInt64
    private let signals: OwnedDescriptor

    init(_ client: Monitor.Client?, _ sequence: UInt64, signals: OwnedDescriptor) {
        self.client = client
        self.sequence = sequence
        self.signals = signals
    }

    /// The same for a process that tells the daemon nothing.
    var withoutDaemon: StepDeadline { StepDeadline(nil, sequence, signals: signals) }

    /// Whether the daemon has gone or has withdrawn what it wanted, or this process is to end.
    ///
    /// Before the job runs the daemon has nothing else to say.
    var isInterrupted: Bool {
        !Waiting.wait(for: [client?.socket.descriptor.rawValue ?? -1, signals.rawValue], until: .now).isEmpty
    }

    /// Performs a step.
    ///
    /// - Parameters:
    ///   - time: How long it may take.
    ///   - words: What the daemon is told when it takes longer; `nil` for nothing.
    ///   - step: The step.
    /// - Returns: What comes of it.
    func perform<R>(within time: Duration, or words: HelperMessage?, _ step: () -> R) -> R {
        let bytes = words.map(bytes) ?? []
        let parts = time.components
        let milliseconds = parts.seconds * 1_000 + parts.attoseconds / 1_000_000_000_000_000
        let result = unsafe bytes.withUnsafeBytes { bytes in
            unsafe helper_deadline_set(
                client?.socket.descriptor.rawValue ?? -1,
                bytes.baseAddress,
                bytes.count,
                max(1, milliseconds)
            )
        }
        // Without a timer a step might hang for good; then not even the daemon's own deadline would end it here.
        guard result == 0 else { _exit(71) }
        defer { helper_deadline_clear() }
        return step()
    }

    /// Words as they go over the connection.
    ///
    /// There is room for what this side says itself; what modules have said, who may say a lot, is left out where there is none
    /// for it: why a launch has failed matters more, for a password most of all.
    private func bytes(_ words: HelperMessage) -> [UInt8] {
        for message in [words, words.withoutMessages] {
            let frame = HelperFrame(sequence: sequence, message: message)
            if let bytes = try? frame.encoded().bytes, bytes.count <= HELPER_WORDS_SIZE { return bytes }
        }
        return []
    }
}

extension HelperMessage {
    /// The same without what modules of PAM had to say.
    fileprivate var withoutMessages: HelperMessage {
        guard case .failed(var report) = self else { return self }
        report.verdict?.messages = []
        return .failed(report)
    }
}
