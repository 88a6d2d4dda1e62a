import CLaunchPlan
import LaunchPlan
import SystemPackage

/// What a launcher is told: the plan, the strings and the descriptors of a job.
struct SudoOrder {
    /// An encoded plan (`EncodedPlan`).
    let plan: [UInt8]
    /// `argv`, or only its first element where the launcher was named the rest.
    let arguments: [String]
    let environment: [String]
    let flags: UInt32

    /// Sends it.
    ///
    /// - Parameters:
    ///   - socket: To whom.
    ///   - status: The writing end of the status pipe.
    ///   - token: What decides who has the last word.
    ///   - descriptors: Those of the job, from 0 upwards.
    /// - Throws: `Errno` of `memfd_create(2)`, `write(2)` or `sendmsg(2)`.
    func send(
        over socket: SudoSocket,
        status: OwnedDescriptor,
        token: LaunchToken,
        descriptors: [OwnedDescriptor]
    ) throws(Errno) {
        var bytes = plan
        for text in arguments + environment {
            bytes.append(contentsOf: text.utf8)
            bytes.append(0)
        }
        let file = unsafe bytes.withUnsafeBytes { unsafe order_memory_create($0.baseAddress, $0.count) }
        guard file >= 0 else { throw Errno(rawValue: -file) }
        let memory = OwnedDescriptor(file)
        let all = [memory.rawValue, status.rawValue, token.descriptor.rawValue] + descriptors.map(\.rawValue)
        var order = launch_order(
            magic: LAUNCH_ORDER_MAGIC,
            version: LAUNCH_ORDER_VERSION,
            flags: flags,
            descriptor_count: UInt32(all.count),
            plan_size: UInt64(plan.count),
            strings_size: UInt64(bytes.count - plan.count),
            argument_count: UInt32(arguments.count),
            environment_count: UInt32(environment.count)
        )
        let result = unsafe order_send(
            socket.daemon.rawValue,
            &order,
            MemoryLayout<launch_order>.size,
            all,
            all.count
        )
        memory.closeNow()
        guard result == 0 else { throw Errno(rawValue: -result) }
    }
}
