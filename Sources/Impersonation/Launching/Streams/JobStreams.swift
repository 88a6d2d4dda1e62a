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
    ///   - reactor: The thread that waits.
    init(_ plumbing: StreamPlumbing, on reactor: Reactor) {
        terminal = plumbing.terminal.map { terminal in
            PseudoTerminal(
                reading: StreamEnd(terminal.reading, on: reactor),
                writing: StreamEnd(terminal.writing, on: reactor)
            )
        }
        let pipe = plumbing.standardInput
        switch plumbing.input {
        case .bytes(let bytes): (inputPipe, input, fed) = (nil, nil, pipe.map { FedStream($0, bytes, on: reactor) })
        case .stream: (inputPipe, input, fed) = (nil, pipe.map { ProcessInput(StreamEnd($0, on: reactor)) }, nil)
        case .null, .inherit, .file, .pipe, .descriptor: (inputPipe, input, fed) = (pipe, nil, nil)
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

    /// Ends with the job: what it left unread is dropped, what it left in captured streams is read.
    ///
    /// Streams that the host reads go on until every process that holds them is gone.
    ///
    /// - Returns: Everything that was captured.
    func finish() -> (output: CapturedOutput?, error: CapturedOutput?) {
        fed?.finish()
        return (capturedOutput?.finish(), capturedError?.finish())
    }

    private static func ends(
        _ pipe: OwnedDescriptor?,
        of stream: StandardStream.Output,
        on reactor: Reactor
    ) -> (OwnedDescriptor?, ProcessOutput?, CapturedStream?) {
        guard let pipe else { return (nil, nil, nil) }
        return switch stream {
        case .captured(let limit): (nil, nil, CapturedStream(pipe, limit: limit, on: reactor))
        case .stream: (nil, ProcessOutput(StreamEnd(pipe, on: reactor)), nil)
        case .null, .inherit, .file, .pipe, .descriptor, .standardOutput: (pipe, nil, nil)
        }
    }
}
