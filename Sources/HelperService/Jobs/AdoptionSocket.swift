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

    /// Makes a socket; where none can be made, the job cannot be taken over.
    ///
    /// Whoever connects, only the user whose job it is gets an answer (`SO_PEERCRED`). Where the helper can give it to him, nobody
    /// else connects at all.
    ///
    /// - Parameters:
    ///   - directory: A directory that only the helper can write to.
    ///   - userID: Whose job it is.
    init?(in directory: FilePath, for userID: UInt32) {
        let number = String(UInt64.random(in: .min ... .max), radix: 36)
        path = directory.appending("job-\(getpid())-\(number).sock")
        let changesOwner = launch_has_capability(Self.mayChangeOwner) == 1
        let descriptor = unsafe socket_listen(path.string, 4, changesOwner ? 0o600 : 0o666)
        guard descriptor >= 0, let owner = try? OwnedDescriptor(moving: descriptor) else { return nil }
        listener = owner
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

    func close() {
        listener.closeNow()
        _ = unsafe path.withPlatformString { unsafe unlink($0) }
    }

    /// Takes the daemon that has connected, if it is the job's.
    ///
    /// - Parameters:
    ///   - owner: Whose job it is.
    ///   - context: The helper.
    /// - Returns: The daemon and the number it gives the job, or `nil`.
    func accept(for owner: Monitor.Client, _ context: HelperContext) -> (client: Monitor.Client, sequence: UInt64)? {
        let accepted = socket_accept(listener.rawValue)
        guard accepted >= 0, let descriptor = try? OwnedDescriptor(moving: accepted) else { return nil }
        var (process, user, group): (Int32, UInt32, UInt32) = (0, .max, .max)
        guard unsafe socket_peer(descriptor.rawValue, &process, &user, &group) == 0 else { return nil }
        guard user == owner.userID else {
            dismiss(descriptor)
            if context.table.mayComplain() {
                context.log.write(
                    .warning,
                    "user id \(user) (process \(process)) asked for a job of user id \(owner.userID)"
                )
            }
            return nil
        }
        let client = Monitor.Client(
            socket: FrameSocket(descriptor),
            userID: user,
            groupID: group,
            processID: process
        )
        let deadline = ContinuousClock.now + .seconds(2)
        while !Waiting.wait(for: [client.socket.descriptor.rawValue], until: deadline).isEmpty {
            switch client.nextFrame(context) {
            case .none: continue
            case .frame(let frame) where frame.message == .adopt: return (client, frame.sequence)
            case .frame, .end, .reset:
                dismiss(descriptor)
                return nil
            }
        }
        dismiss(descriptor)
        return nil
    }

    /// Closes a connection; on kernels that take descriptors from anybody that may wait, and the job is not to.
    private func dismiss(_ connection: OwnedDescriptor) {
        guard socket_takes_descriptors(connection.rawValue) == 1 else { return connection.closeNow() }
        if let taken = connection.take() { helper_close_elsewhere(taken.rawValue) }
    }
}
