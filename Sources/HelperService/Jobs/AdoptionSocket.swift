import CHelperService
import CLaunchPlan
import CLaunchProtocol
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// Where a job can be taken over when its daemon is gone: a socket of its own, at a path nobody can guess the next of.
struct AdoptionSocket {
    let path: FilePath
    private let listener: OwnedDescriptor

    /// How many may wait until they are looked at; strangers among them are sent away as soon as nobody has the job.
    private static let backlog: Int32 = 64

    /// Makes a socket.
    ///
    /// Whoever connects, only the user whose job it is gets an answer (`SO_PEERCRED`). Where the helper can give it to him, nobody
    /// else connects at all.
    ///
    /// - Parameters:
    ///   - directory: A directory that only the helper can write to.
    ///   - userID: Whose job it is.
    /// - Throws: `Errno` where none can be made; the job cannot be taken over then.
    init(in directory: FilePath, for userID: UInt32) throws(Errno) {
        let number = String(UInt64.random(in: .min ... .max), radix: 36)
        path = directory.appending("job-\(getpid())-\(number).sock")
        let changesOwner = launch_has_capability(Self.mayChangeOwner) == 1
        let descriptor = unsafe socket_listen(path.string, Self.backlog, changesOwner ? 0o600 : 0o666)
        guard descriptor >= 0 else { throw Errno(rawValue: -descriptor) }
        do throws(Errno) {
            listener = try OwnedDescriptor(moving: descriptor)
        } catch {
            _ = unsafe path.withPlatformString { unsafe unlink($0) }
            throw error
        }
        if changesOwner, unsafe path.withPlatformString({ unsafe lchown($0, userID, gid_t.max) }) != 0 {
            // The user id at the other end counts in any case.
            _ = unsafe path.withPlatformString { unsafe chmod($0, 0o666) }
        }
    }

    private static let mayChangeOwner: UInt32 = 0

    var descriptor: Int32 { listener.rawValue }

    /// Removes the sockets of jobs whose process of the helper is gone.
    ///
    /// - Parameter directory: Where they are.
    static func removeLeftovers(in directory: FilePath) {
        guard let entries = unsafe opendir(directory.string) else { return }
        defer { unsafe closedir(entries) }
        for name in unsafe DirectoryNames(entries) {
            guard name.hasPrefix("job-"), name.hasSuffix(".sock") else { continue }
            let path = directory.appending(name)
            let socket = socket_create()
            guard socket >= 0 else { return }
            let result = unsafe socket_connect(socket, path.string)
            Glibc.close(socket)
            if result == -ECONNREFUSED { _ = unsafe path.withPlatformString { unsafe unlink($0) } }
        }
    }

    /// Lets go of it, in a process that is not the one that listens.
    func leave() { listener.closeNow() }

    func close() {
        listener.closeNow()
        _ = unsafe path.withPlatformString { unsafe unlink($0) }
    }

    /// Takes the daemon that has connected, if it is the job's.
    ///
    /// - Parameters:
    ///   - report: Which job it is. Who means another one is refused, and the job and its end stay here.
    ///   - owner: Whose job it is.
    ///   - context: The helper.
    /// - Returns: The daemon and the number it gives the job, or `nil`.
    func accept(
        _ report: StartedReport,
        for owner: Monitor.Client,
        _ context: HelperContext
    ) -> (client: Monitor.Client, sequence: UInt64)? {
        let accepted = socket_accept(listener.rawValue)
        guard accepted >= 0, let descriptor = try? OwnedDescriptor(moving: accepted) else { return nil }
        var (process, user, group): (Int32, UInt32, UInt32) = (0, .max, .max)
        guard unsafe socket_peer(descriptor.rawValue, &process, &user, &group) == 0 else { return nil }
        let client = Monitor.Client(
            socket: FrameSocket(descriptor),
            userID: user,
            groupID: group,
            processID: process
        )
        guard user == owner.userID else {
            // Who says nothing is taken for one that has ended.
            client.tell(.refused(Self.foreign), 0)
            dismiss(descriptor)
            if context.table.mayComplain() {
                context.log.write(
                    .warning,
                    "user id \(user) (process \(process)) asked for a job of user id \(owner.userID)"
                )
            }
            return nil
        }
        let deadline = ContinuousClock.now + .seconds(2)
        while !Waiting.wait(for: [client.socket.descriptor.rawValue], until: deadline).isEmpty {
            switch client.nextFrame(context) {
            case .none: continue
            case .frame(let frame):
                guard case .adopt(let request) = frame.message else { break }
                let refusal = Self.refusal(of: request, to: report)
                guard let refusal else { return (client, frame.sequence) }
                client.tell(.refused(refusal), frame.sequence)
            case .end, .reset: break
            }
            dismiss(descriptor)
            return nil
        }
        dismiss(descriptor)
        return nil
    }

    private static let foreign = Refusal(
        reason: "job-of-another-user",
        message: "the job was launched by a daemon of another user id; take it over as that one"
    )

    /// Why a daemon does not get a job that it asks for; `nil` when it gets it.
    private static func refusal(of request: AdoptionRequest, to report: StartedReport) -> Refusal? {
        let difference: String
        if request.processID != report.processID {
            difference = "it is process \(report.processID)"
        } else if request.userID != report.userID {
            difference = "it was launched as user id \(report.userID), and not as \(request.userID)"
        } else {
            return nil
        }
        return Refusal(reason: Refusal.anotherJob, message: difference)
    }

    /// Closes a connection; on kernels that take descriptors from anybody that may wait, and the job is not to.
    private func dismiss(_ connection: OwnedDescriptor) {
        guard socket_takes_descriptors(connection.rawValue) == 1 else { return connection.closeNow() }
        if let taken = connection.take() { helper_close_elsewhere(taken.rawValue) }
    }
}
