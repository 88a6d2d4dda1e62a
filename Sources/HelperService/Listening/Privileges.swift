import CLaunchPlan

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
            cost: "the helper has no precedence over jobs where control-groups is not set, and modules of PAM raise no "
                + "priority"
        ),
        Capability(
            number: 24,
            name: "CAP_SYS_RESOURCE",
            isNeeded: false,
            cost: "modules of PAM can raise no hard limit above the helper's own, and not every session in which they "
                + "lower some can be shared"
        ),
    ]

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
