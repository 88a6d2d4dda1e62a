package import CLaunchPlan
import Glibc
package import SystemPackage

/// A child on its way through the trampoline, and the pipe that tells how far it came.
///
/// The clone child shares the caller's memory only for a few system calls, with the caller's own identity; the trampoline
/// then does everything else in an address space of its own. Its status pipe tells the end: the pipe closes with the
/// exec of the job, after a message that everything was proven.
package struct TrampolineStart: Sendable {
    /// What the caller could not do, before there was a child.
    package struct Failure: Error {
        package let step: launch_step
        package let errno: Errno

        package init(step: launch_step, errno: Errno) {
            self.step = step
            self.errno = errno
        }
    }

    /// What the trampoline has said once its pipe is at its end.
    package enum Ending: Sendable {
        /// The job runs; whether it starts in the directory to fall back to.
        case running(fellBack: Bool)

        /// An operation failed.
        case failed(launch_failure)

        /// The child was ended by somebody else.
        case silent
    }

    /// The child.
    package let child: StartedChild

    /// The reading end of the status pipe: it hangs up when the job runs, or the child has ended.
    package let status: OwnedDescriptor

    /// What decides whether the child becomes the job.
    package let token: LaunchToken

    /// What failed in the clone child, and the operations it ran; it has ended then and wants to be reaped.
    package let failure: (reported: launch_failure, operations: [ChildOperation])?

    /// Clones a child that becomes the trampoline and runs a plan.
    ///
    /// - Parameters:
    ///   - trampoline: The image to run.
    ///   - plan: What the trampoline does.
    ///   - extraDescriptors: Descriptors that the job has from 3 upwards, above every place that they take on the way.
    ///   - placement: How the standard streams take their places, given the highest other descriptor that is needed.
    ///   - arguments: The arguments of the job.
    ///   - environment: The environment of the job.
    ///   - group: The cgroup of the job, if it has one.
    /// - Throws: ``Failure`` when there is no child.
    package init(
        _ trampoline: Trampoline,
        _ plan: EncodedPlan,
        extraDescriptors: [Int32] = [],
        placement: (Int32) -> [ChildOperation],
        arguments: borrowing ArgumentVector,
        environment: borrowing ArgumentVector,
        into group: ControlGroup? = nil
    ) throws(Failure) {
        let pipe = try Self.performing(LAUNCH_STEP_CREATE_PIPES) { () throws(Errno) in try OwnedDescriptor.pipe() }
        let planPipe = try Self.performing(LAUNCH_STEP_CREATE_PIPES) { () throws(Errno) in
            try Self.pipe(holding: plan)
        }
        let token = try Self.performing(LAUNCH_STEP_CREATE_PIPES) { () throws(Errno) in try LaunchToken() }
        let sources = [
            (pipe.writing.rawValue, LAUNCH_STATUS_DESCRIPTOR), (planPipe.rawValue, LAUNCH_PLAN_DESCRIPTOR),
            (token.descriptor.rawValue, LAUNCH_TOKEN_DESCRIPTOR),
        ]
        let highest = (sources.map(\.0) + extraDescriptors).reduce(trampoline.descriptor, max)
        let behind = ChildPlan.behindExtraDescriptors(Int32(extraDescriptors.count))
        func operations(joining file: OwnedDescriptor?) -> [ChildOperation] {
            let joins = file.map { [ChildOperation.joinControlGroup($0.rawValue)] } ?? []
            return placement(max(highest, file?.rawValue ?? -1)) + joins
                + sources.map { source, target in .placeDescriptor(source, at: target) }
                // The image may have the number of a place; everything else that could has its own place by then.
                + (extraDescriptors.isEmpty ? [] : [.placeDescriptor(trampoline.descriptor, at: behind)])
                + zip(extraDescriptors, LAUNCH_FIRST_EXTRA_DESCRIPTOR...).map { .placeDescriptor($0, at: $1) }
                + [.sealDescriptors(from: behind)]
                + (plan.kind == .isolated && geteuid() != 0
                    ? [.keepCapabilities(DaemonFacts.capabilitiesOfTheSwitch)] : [])
                + [.executeTrampoline(extraDescriptors.isEmpty ? trampoline.descriptor : behind)]
        }
        func clone(
            _ operations: [ChildOperation],
            into group: Int32,
            _ arguments: borrowing ArgumentVector,
            _ environment: borrowing ArgumentVector
        ) throws(Errno) -> (child: StartedChild, failure: launch_failure?) {
            var result = launch_spawn_result()
            let bootstrap: EncodedPlan
            do {
                bootstrap = try EncodedPlan(operations, kind: .bootstrap)
            } catch {
                throw .argListTooLong
            }
            return try unsafe ChildStarter.start(
                bootstrap,
                arguments: arguments,
                environment: environment,
                into: group,
                result: &result
            )
        }

        var steps = operations(joining: nil)
        let started: (child: StartedChild, failure: launch_failure?)
        do throws(Errno) {
            do throws(Errno) {
                started = try clone(steps, into: group?.directory.rawValue ?? -1, arguments, environment)
            } catch let error {
                guard group != nil, error == .noFunction || error == .notPermitted else { throw error }
                // A filter that forbids clone3(2), which alone can clone into a group: the child enters it by itself.
                let file = try group?.openProcesses()
                steps = operations(joining: file)
                started = try clone(steps, into: -1, arguments, environment)
            }
        } catch {
            throw Failure(step: LAUNCH_STEP_CLONE, errno: error)
        }
        pipe.writing.closeNow()
        planPipe.closeNow()
        child = started.child
        status = pipe.reading
        self.token = token
        failure = started.failure.map { ($0, steps) }
    }

    /// Whether the status pipe is at its end, without waiting.
    package var hasReported: Bool { Self.hasReported(status) }

    /// Reads what the trampoline has said; the pipe is at its end.
    package func ending() -> Ending { Self.ending(of: status) }

    /// Whether a status pipe is at its end, without waiting.
    package static func hasReported(_ status: OwnedDescriptor) -> Bool {
        var event = pollfd(fd: status.rawValue, events: 0, revents: 0)
        return unsafe poll(&event, 1, 0) > 0
    }

    /// Reads what was said through a status pipe that is at its end.
    package static func ending(of status: OwnedDescriptor) -> Ending {
        var last: launch_message?
        while true {
            var message = launch_message()
            let count = unsafe read(status.rawValue, &message, MemoryLayout<launch_message>.size)
            if count < 0, errno == EINTR { continue }
            guard count == MemoryLayout<launch_message>.size else { break }
            last = message
        }
        guard let last else { return .silent }
        guard last.kind == LAUNCH_MESSAGE_PREPARED.rawValue else {
            return .failed(launch_failure(step: last.step, error: last.error, operation: last.operation))
        }
        return .running(fellBack: last.fell_back != 0)
    }

    private static func performing<R>(_ step: launch_step, _ body: () throws(Errno) -> R) throws(Failure) -> R {
        do throws(Errno) {
            return try body()
        } catch {
            throw Failure(step: step, errno: error)
        }
    }

    /// A pipe that holds a whole plan, its writing end closed: the trampoline reads to the end and needs nobody to
    /// write.
    ///
    /// A pipe, because a file would be subject to the daemon's own limit of file sizes.
    private static func pipe(holding plan: EncodedPlan) throws(Errno) -> OwnedDescriptor {
        let (reading, writing) = try OwnedDescriptor.pipe()
        let result = unsafe plan.bytes.withUnsafeBytes { buffer in
            unsafe linux_pipe_fill(writing.rawValue, buffer.baseAddress, buffer.count)
        }
        guard result == 0 else { throw Errno(rawValue: -result) }
        writing.closeNow()
        return reading
    }
}
