import CHelperService
import CLaunchPlan
import LaunchPlan
import SystemPackage

/// What the helper may do, and what it cannot without.
package enum Privileges {
    /// A capability (`capabilities(7)`) and what its absence costs.
    package struct Capability: Hashable, Sendable {
        package let number: UInt32
        package let name: String
        /// Without it the helper does not begin.
        package let isNeeded: Bool
        package let cost: String
    }

    package static let all = [
        Capability(number: 6, name: "CAP_SETGID", isNeeded: true, cost: "no job can be given its groups"),
        Capability(number: 7, name: "CAP_SETUID", isNeeded: true, cost: "no job can be given its account"),
        Capability(
            number: 8,
            name: "CAP_SETPCAP",
            isNeeded: false,
            cost: "jobs keep the helper's capability bounding set, so limit that where the helper is started "
                + "(CapabilityBoundingSet=), and jobs that may gain privileges and are to have an empty one are refused"
        ),
        Capability(
            number: 5,
            name: "CAP_KILL",
            isNeeded: false,
            cost:
                "without cgroups, processes of a job that have changed their account by a set-user-id program are not "
                + "ended with it, and a process of the helper that is killed leaves its job running"
        ),
        Capability(
            number: 0,
            name: "CAP_CHOWN",
            isNeeded: false,
            cost:
                "jobs can have no pseudo-terminal, and the sockets by which kept jobs are taken over (--adoption-directory) "
                + "have mode 0666: whoever reaches the directory can connect, and the user id at the other end alone says "
                + "who gets a job"
        ),
        Capability(
            number: 23,
            name: "CAP_SYS_NICE",
            isNeeded: false,
            cost:
                "the helper has no precedence over jobs unless control-groups is set or it was started with LimitNICE=-10 "
                + "(RLIMIT_NICE, which jobs do not inherit), and modules of PAM raise no priority"
        ),
        Capability(
            number: 24,
            name: "CAP_SYS_RESOURCE",
            isNeeded: false,
            cost: "modules of PAM can raise no hard limit above the helper's own, and not every session in which they "
                + "lower some can be shared"
        ),
    ]

    /// Takes precedence over the jobs for the session of this process, and keeps from them what permitted it.
    ///
    /// `RLIMIT_NICE` of `getrlimit(2)` permits it without the capability. Whoever inherits that limit may raise its own priority: it
    /// is the helper's alone, so it goes whether it was of use or not.
    ///
    /// - Returns: What came of it.
    /// - Throws: ``HelperError`` when jobs would inherit the limit.
    static func takePrecedence() throws(HelperError) -> SessionPrecedence.Outcome {
        let outcome = SessionPrecedence.take { () throws(Errno) in
            // The files of /proc of a process that cannot be traced are root's, and none can be that runs what its account may not read
            // (mode 0711; `would_dump` of the kernel). A descriptor does afterwards as well, and whoever might use the moment has the
            // account of the helper and, without its capabilities, may trace it in no moment.
            helper_unprotect()
            defer { helper_protect() }
            return try SessionPrecedence.openFile()
        }
        guard helper_leave_priority() == 0 else {
            throw HelperError(.system, "jobs would inherit RLIMIT_NICE, which cannot be lowered")
        }
        return outcome
    }

    /// Says what is missing and what that costs.
    ///
    /// - Parameter log: Where.
    /// - Throws: ``HelperError`` when the helper could launch nothing.
    package static func check(_ log: HelperLog) throws(HelperError) {
        let missing = all.filter { launch_has_capability($0.number) != 1 }
        for capability in missing where !capability.isNeeded {
            log.write(.notice, "without \(capability.name): \(capability.cost)")
        }
        let needed = missing.filter(\.isNeeded)
        guard needed.isEmpty else {
            let names = needed.map(\.name).joined(separator: " and ")
            let costs = needed.map(\.cost).joined(separator: ", ")
            throw HelperError(
                .notPermitted,
                "the helper lacks \(names), so \(costs); start it as root, or give it both CAP_SETUID and CAP_SETGID"
            )
        }
    }
}
