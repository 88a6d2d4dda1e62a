import CLaunchPlan
import Glibc
import Synchronization
package import SystemPackage

/// A descriptor with one owner: closed when the owner goes, unless it was taken before.
package final class OwnedDescriptor: Sendable {
    /// What closes a descriptor.
    package typealias Closing = @Sendable (Int32) -> Void

    private let descriptor: Mutex<Int32?>
    private let closing: Closing

    /// Takes a descriptor over.
    ///
    /// - Parameters:
    ///   - rawValue: The descriptor.
    ///   - closing: What closes it, where `close(2)` on whatever thread comes by is not right.
    package init(_ rawValue: Int32, closing: @escaping Closing = { _ = close($0) }) {
        descriptor = Mutex(rawValue)
        self.closing = closing
    }

    deinit {
        closeNow()
    }

    /// The descriptor, or -1 once it was taken or closed.
    package var rawValue: Int32 { descriptor.withLock { $0 ?? -1 } }

    /// Calls a closure with the descriptor, which nobody closes meanwhile.
    ///
    /// - Parameter body: What needs the descriptor; -1 once it was taken or closed.
    /// - Returns: What the closure returns.
    package func withOpen<R>(_ body: (Int32) -> sending R) -> sending R {
        descriptor.withLock { body($0 ?? -1) }
    }

    /// Hands the descriptor over to the caller, who closes it.
    package func take() -> FileDescriptor? {
        descriptor.withLock { $0.take() }.map { FileDescriptor(rawValue: $0) }
    }

    /// Closes the descriptor before its owner goes.
    package func closeNow() {
        if let descriptor = descriptor.withLock({ $0.take() }) { closing(descriptor) }
    }

    /// Closes the descriptor before its owner goes, behind what is still to be done with it.
    ///
    /// - Parameter body: Has the descriptor for itself; not called once it was taken or closed.
    package func closeNow(after body: (Int32) -> Void) {
        guard let descriptor = descriptor.withLock({ $0.take() }) else { return }
        body(descriptor)
        closing(descriptor)
    }

    /// Descriptors below this number are where a child's own take their places; the sources must not be among them.
    package static let lowest: Int32 = 8

    /// Moves a descriptor above the places that descriptors of a child take.
    ///
    /// - Parameters:
    ///   - rawValue: The descriptor; it is closed when it had to move.
    ///   - closing: What closes it in the end.
    /// - Throws: `Errno` of `fcntl(2)`; the descriptor is closed then.
    package convenience init(
        moving rawValue: Int32,
        closing: @escaping Closing = { _ = close($0) }
    ) throws(Errno) {
        guard rawValue < Self.lowest else {
            self.init(rawValue, closing: closing)
            return
        }
        let moved = fcntl(rawValue, F_DUPFD_CLOEXEC, Self.lowest)
        let error = errno
        close(rawValue)
        guard moved >= 0 else { throw Errno(rawValue: error) }
        self.init(moved, closing: closing)
    }

    /// Duplicates a descriptor above the places that descriptors of a child take.
    ///
    /// - Parameters:
    ///   - rawValue: The descriptor; it stays as it is.
    ///   - lowest: The lowest number that the duplicate may have.
    /// - Throws: `Errno` of `fcntl(2)`.
    package convenience init(duplicating rawValue: Int32, lowest: Int32 = lowest) throws(Errno) {
        let duplicate = fcntl(rawValue, F_DUPFD_CLOEXEC, lowest)
        guard duplicate >= 0 else { throw Errno(rawValue: errno) }
        self.init(duplicate)
    }

    /// Makes a pipe, both ends closed by an exec and above the places that descriptors of a child take.
    ///
    /// - Returns: The reading and the writing end.
    /// - Throws: `Errno` of `pipe2(2)` or `fcntl(2)`.
    package static func pipe() throws(Errno) -> (reading: OwnedDescriptor, writing: OwnedDescriptor) {
        var ends: (reading: Int32, writing: Int32) = (-1, -1)
        let result = unsafe linux_pipe(&ends.reading, &ends.writing)
        guard result == 0 else { throw Errno(rawValue: -result) }
        let reading: OwnedDescriptor
        do {
            reading = try OwnedDescriptor(moving: ends.reading)
        } catch {
            close(ends.writing)
            throw error
        }
        return (reading, try OwnedDescriptor(moving: ends.writing))
    }
}
