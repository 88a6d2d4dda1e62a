package import CLaunchPlan
import Glibc
package import SystemPackage

/// A child that exists: the only ways to it are its pidfd and, in the trampoline, its status pipe.
package struct StartedChild: Sendable {
    package let processID: Int32
    package let processDescriptor: OwnedDescriptor

    package init(processID: Int32, processDescriptor: OwnedDescriptor) {
        self.processID = processID
        self.processDescriptor = processDescriptor
    }

    /// Whether it has not ended; whose child it is does not matter.
    package var isRunning: Bool {
        processDescriptor.withOpen { descriptor in
            guard descriptor >= 0 else { return false }
            var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            // A signal handler of the host's may interrupt even this (signal(7)).
            var count: Int32
            repeat { count = unsafe poll(&event, 1, 0) } while count < 0 && errno == EINTR
            return count == 0
        }
    }
}

extension StartedChild {
    /// Whether its number is its own: nobody has reaped it yet, or it still runs.
    package var ownsNumber: Bool {
        let isKnownToItsParent = processDescriptor.withOpen { $0 >= 0 && launch_has_ended($0) >= 0 }
        return isKnownToItsParent || isRunning
    }

    /// Sends it a signal.
    ///
    /// - Parameter signal: The signal.
    /// - Returns: 0 or a negative error number.
    package func send(_ signal: Int32) -> Int32 {
        processDescriptor.withOpen { $0 >= 0 ? launch_signal($0, signal) : -ESRCH }
    }

    /// Sends a signal to the process group that it leads.
    ///
    /// - Parameter signal: The signal.
    /// - Returns: 0 or a negative error number.
    package func sendToGroup(_ signal: Int32) -> Int32 {
        guard ownsNumber else { return -ESRCH }
        let result = processDescriptor.withOpen { $0 >= 0 ? launch_signal_group($0, processID, signal) : -ESRCH }
        guard result == -EINVAL, processID > 1 else { return result }
        // Before Linux 6.9 the group of somebody else's child has nothing but a number, so each of its members is signalled.
        return SessionScan.signal(signal, groupOf: self)
    }
}

/// Clones a child that runs a plan: the one place where a process comes into being.
package enum ChildStarter {
    /// Clones a child and comes back when it has become another program, or has failed.
    ///
    /// The calling thread stands still meanwhile: for the trampoline some fifty microseconds, whatever the size of the
    /// daemon; for a program of the job's as long as its file system takes.
    ///
    /// - Parameters:
    ///   - plan: What the child does.
    ///   - arguments: The arguments of the program it becomes.
    ///   - environment: The environment of that program.
    ///   - controlGroup: The directory of cgroup v2 that the child is cloned into, or -1.
    ///   - result: Where the child's descriptor appears as soon as there is one, for somebody who watches.
    /// - Returns: The child, and what failed in it if something did; it has ended then and wants to be reaped.
    /// - Throws: `Errno` when there is no child: of `clone3(2)`, or `noMemory`.
    package static func start(
        _ plan: EncodedPlan,
        arguments: borrowing ArgumentVector,
        environment: borrowing ArgumentVector,
        into controlGroup: Int32 = -1,
        result: UnsafeMutablePointer<launch_spawn_result>
    ) throws(Errno) -> (child: StartedChild, failure: launch_failure?) {
        let code = unsafe withPlan(plan) { plan in
            unsafe arguments.withPointers { arguments in
                unsafe environment.withPointers { environment in
                    unsafe CloneStacks.shared.withStack { stack in
                        var request = unsafe launch_spawn_request(
                            plan: plan,
                            arguments: arguments,
                            environment: environment,
                            stack: stack,
                            control_group: controlGroup
                        )
                        return unsafe launch_spawn(&request, result)
                    }
                }
            }
        }
        guard let code else { throw .noMemory }
        guard code == 0 else { throw Errno(rawValue: -code) }
        let child = StartedChild(
            processID: unsafe result.pointee.process,
            processDescriptor: OwnedDescriptor(unsafe result.pointee.process_descriptor)
        )
        let failure = unsafe result.pointee.failure
        return (child, failure.step == LAUNCH_STEP_NONE.rawValue ? nil : failure)
    }

    /// The interpreter reads operations of eight bytes' alignment; an array of bytes promises none.
    private static func withPlan<R>(_ plan: EncodedPlan, _ body: (UnsafePointer<launch_plan>) -> R?) -> R? {
        unsafe withUnsafeTemporaryAllocation(
            byteCount: plan.bytes.count,
            alignment: MemoryLayout<launch_operation>.alignment
        ) { buffer in
            unsafe buffer.copyBytes(from: plan.bytes)
            guard let base = buffer.baseAddress else { return nil }
            return unsafe body(UnsafePointer(base.assumingMemoryBound(to: launch_plan.self)))
        }
    }
}
