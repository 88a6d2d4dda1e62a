import CCapability

/// Which capabilities this process has, by libcap.
struct CapabilityCheck {
    private struct Demand {
        let capability: cap_value_t
        let isRequired: Bool
        let cost: String
    }

    private static let demands = [
        Demand(capability: CAP_SETUID, isRequired: true, cost: "no job can be given its account's user id"),
        Demand(capability: CAP_SETGID, isRequired: true, cost: "no job can be given its account's groups"),
        Demand(
            capability: CAP_SETPCAP,
            isRequired: false,
            cost: "the bounding set of jobs stays as it is; set CapabilityBoundingSet= of the unit instead"
        ),
        Demand(
            capability: CAP_KILL,
            isRequired: false,
            cost: "jobs of other accounts cannot be signalled, and --timeout cannot end them"
        ),
        Demand(
            capability: CAP_SYS_RESOURCE,
            isRequired: false,
            cost: "hard limits of jobs cannot be raised above those of this process"
        ),
        Demand(
            capability: CAP_SYS_NICE,
            isRequired: false,
            cost: "jobs cannot get a nice value below that of this process"
        ),
    ]

    /// Whether accounts are switched to at all; without a switch nothing is required.
    let switchesAccounts: Bool

    /// One finding per capability.
    ///
    /// Root may have been robbed of any of them, so its user id proves nothing.
    func findings() -> [Finding] {
        guard let held = unsafe cap_get_proc() else {
            return [
                Finding(
                    "capabilities",
                    .failed,
                    "the capabilities of this process could not be read",
                    remedy: "mount /proc and allow capget(2)"
                )
            ]
        }
        defer { unsafe cap_free(UnsafeMutableRawPointer(held)) }
        return Self.demands.map { demand in
            let name = Self.name(of: demand.capability)
            let isEffective = unsafe Self.flag(demand.capability, CAP_EFFECTIVE, of: held)
            let isPermitted = unsafe Self.flag(demand.capability, CAP_PERMITTED, of: held)
            let check = name.uppercased()
            guard !isEffective else { return Finding(check, .ok, "held") }
            let status: Finding.Status = demand.isRequired && switchesAccounts ? .failed : .warning
            guard switchesAccounts || !demand.isRequired else {
                return Finding(check, .ok, "missing, and not needed where no account is switched to")
            }
            let remedy =
                isPermitted
                ? "raise it in the effective set"
                : "run as root, or give the unit AmbientCapabilities=\(check); its bounding set must hold it, too"
            return Finding(check, status, "missing: \(demand.cost)", remedy: remedy)
        }
    }

    private static func name(of capability: cap_value_t) -> String {
        guard let text = unsafe cap_to_name(capability) else { return "capability \(capability)" }
        defer { unsafe cap_free(text) }
        return unsafe String(cString: text)
    }

    private static func flag(_ capability: cap_value_t, _ set: cap_flag_t, of held: cap_t) -> Bool {
        var value = CAP_CLEAR
        return unsafe cap_get_flag(held, capability, set, &value) == 0 && value == CAP_SET
    }
}
