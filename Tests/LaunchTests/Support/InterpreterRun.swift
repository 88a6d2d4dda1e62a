import CLaunchPlan
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// Runs a plan in a clone child and returns what failed in it.
func interpreterFailure(of bytes: [UInt8]) throws -> launch_failure? {
    let arguments = ArgumentVector(["true"])
    let environment = ArgumentVector([])
    guard let stack = unsafe launch_stack_create() else { throw Errno.noMemory }
    defer { unsafe launch_stack_destroy(stack) }
    var result = launch_spawn_result()
    let code = unsafe withUnsafeTemporaryAllocation(byteCount: max(bytes.count, 64), alignment: 8) { buffer in
        unsafe buffer.copyBytes(from: bytes)
        return unsafe arguments.withPointers { arguments in
            unsafe environment.withPointers { environment in
                var request = unsafe launch_spawn_request(
                    plan: UnsafePointer(buffer.baseAddress?.assumingMemoryBound(to: launch_plan.self)),
                    arguments: arguments,
                    environment: environment,
                    stack: stack,
                    control_group: -1
                )
                return unsafe launch_spawn(&request, &result)
            }
        }
    }
    #expect(code == 0)
    var status: Int32 = 0
    while unsafe waitpid(result.process, &status, 0) < 0, errno == EINTR {}
    close(result.process_descriptor)
    return result.failure.step == LAUNCH_STEP_NONE.rawValue ? nil : result.failure
}
