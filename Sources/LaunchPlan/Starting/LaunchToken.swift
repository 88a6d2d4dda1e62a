import CLaunchPlan
import Synchronization
package import SystemPackage

/// What decides between the child, which becomes the job, and the caller, who withdraws the launch: one of them takes it.
///
/// A kill alone decides nothing. It comes too late for a child that has become the job by then, and it is not permitted
/// for one that already has the account's ids where the caller lacks `CAP_KILL`.
package final class LaunchToken: Sendable {
    /// The descriptor that the child takes the token from (`eventfd(2)`).
    package let descriptor: OwnedDescriptor

    private let isWithdrawn = Mutex(false)

    /// Makes a token that nobody has taken.
    ///
    /// - Throws: `Errno` of `eventfd(2)` or `fcntl(2)`.
    package init() throws(Errno) {
        let token = linux_token_create()
        guard token >= 0 else { throw Errno(rawValue: -token) }
        descriptor = try OwnedDescriptor(moving: token)
    }

    /// Withdraws the launch.
    ///
    /// - Returns: Whether it is withdrawn, now or before: the child does not become the job, whenever it goes on. Otherwise
    ///   it is past the point of no return.
    package func withdraw() -> Bool {
        isWithdrawn.withLock { isWithdrawn in
            if !isWithdrawn { isWithdrawn = linux_token_take(descriptor.rawValue) != 0 }
            return isWithdrawn
        }
    }
}
