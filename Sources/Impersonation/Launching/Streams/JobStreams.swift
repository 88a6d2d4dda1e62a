import LaunchPlan
import SystemPackage

/// The daemon's ends of the standard streams of one job, each with what is done with it.
final class JobStreams: Sendable {
    /// Ends of pipes that the host takes over.
    let inputPipe: OwnedDescriptor?
    let outputPipe: OwnedDescriptor?
    let errorPipe: OwnedDescriptor?

    /// Ends that the host writes to and reads from through the reactor.
    let input: ProcessInput?
    let output: ProcessOutput?
    let error: ProcessOutput?

    /// The daemon's side of the job's terminal.
    let terminal: PseudoTerminal?

    private let fed: FedStream?
    private let capturedOutput: CapturedStream?
    private let capturedError: CapturedStream?

    /// Takes the daemon's ends over; ``start()`` begins to read and to write.
    ///
    /// - Parameters:
    ///   - plumbing: The streams of the launch.
    ///   - jobs: The thread that waits for the job; its streams have one of their own, unless that cannot be made.
    init(_ plumbing: StreamPlumbing, on jobs: Reactor) {
        let reactor = plumbing.hasDaemonEnds ? (try? Reactor.shared(for: .streams)) ?? jobs : jobs
        let userID = plumbing.userID
        terminal = plumbing.terminal.map { terminal in
            PseudoTerminal(
                reading: StreamEnd(.terminal(terminal.reading, of: userID), on: reactor),
                writing: StreamEnd(.terminal(terminal.writing, of: userID), on: reactor)
            )
        }
        let channel = plumbing.standardInput
        switch plumbing.input {
        case .bytes(let bytes): (inputPipe, input, fed) = (nil, nil, channel.map { FedStream($0, bytes, on: reactor) })
        case .stream: (inputPipe, input, fed) = (nil, channel.map { ProcessInput(StreamEnd($0, on: reactor)) }, nil)
        case .null, .inherit, .file, .pipe, .descriptor: (inputPipe, input, fed) = (channel?.descriptor, nil, nil)
        }
        (outputPipe, output, capturedOutput) = Self.ends(plumbing.standardOutput, of: plumbing.output, on: reactor)
        (errorPipe, error, capturedError) = Self.ends(plumbing.standardError, of: plumbing.error, on: reactor)
    }

    /// Begins to read what is captured, and to write what the job is to read.
    func start() {
        fed?.start()
        capturedOutput?.start()
        capturedError?.start()
    }

    /// Ends with the job: what it left unread is dropped, what it left in captured streams and in its terminal is read, and
    /// the terminal is hung up.
    ///
    /// Streams that the host reads go on until every process that holds them is gone.
    ///
    /// - Returns: Everything that was captured.
    func finish() -> (output: CapturedOutput?, error: CapturedOutput?) {
        fed?.finish()
        terminal?.endWithJob()
        return (capturedOutput?.finish(), capturedError?.finish())
    }

    private static func ends(
        _ channel: StreamChannel?,
        of stream: StandardStream.Output,
        on reactor: Reactor
    ) -> (OwnedDescriptor?, ProcessOutput?, CapturedStream?) {
        guard let channel else { return (nil, nil, nil) }
        return switch stream {
        case .captured(let limit): (nil, nil, CapturedStream(channel, limit: limit, on: reactor))
        case .stream: (nil, ProcessOutput(StreamEnd(channel, on: reactor)), nil)
        case .null, .inherit, .file, .pipe, .descriptor, .standardOutput: (channel.descriptor, nil, nil)
        }
    }
}
