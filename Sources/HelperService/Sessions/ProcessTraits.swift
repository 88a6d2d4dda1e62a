import CHelperService
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// What modules of PAM change in the process they run in, though it is meant for the job.
struct ProcessTraits {
    private let traits: helper_traits
    let limits: DaemonFacts.Limits

    /// The nice value.
    var niceness: Int32 { traits.niceness }

    /// Reads what this process has.
    static func current() -> ProcessTraits {
        var traits = helper_traits()
        unsafe helper_traits_read(&traits)
        return ProcessTraits(traits: traits, limits: DaemonFacts.current().limits)
    }

    /// Gives this process back what it had.
    ///
    /// - Parameter after: What it has now, where that is known; what is the same is left alone.
    func restore(from after: ProcessTraits? = nil) {
        var traits = traits
        unsafe helper_traits_restore(&traits)
        for (resource, limit) in limits {
            if let now = after?.limits[resource], now == limit { continue }
            helper_limit_restore(resource, limit.soft, limit.hard)
        }
    }

    /// The mask that modules run with: what they make as root is nobody's to write, whatever the daemon has ordered.
    ///
    /// One that nobody sets, so that whatever a module sets is seen.
    static func mask(during order: LaunchOrder) -> UInt16 { order.fileModeCreationMask | 0o037 }

    /// Puts what modules have changed since into the order of a job.
    ///
    /// A limit of theirs is the most that the job can have. What the daemon has asked for itself stays below it; what it has
    /// not is what they say.
    ///
    /// - Parameters:
    ///   - after: What this process has now.
    ///   - order: The order.
    func carryChanges(to after: ProcessTraits, into order: inout LaunchOrder) {
        let yields = order.session?.yields ?? []
        if after.traits.mask != UInt32(Self.mask(during: order)) {
            let mask = UInt16(truncatingIfNeeded: after.traits.mask & 0o777)
            order.fileModeCreationMask =
                yields.contains(.fileModeCreationMask) ? mask : order.fileModeCreationMask | mask
        }
        if after.traits.niceness != traits.niceness {
            let niceness = after.traits.niceness
            order.niceness = yields.contains(.niceness) ? niceness : max(order.niceness, niceness)
        }
        for (resource, limit) in after.limits.sorted(by: { $0.key < $1.key }) {
            guard let before = limits[resource], before != limit else { continue }
            let index = order.resourceLimits.firstIndex { $0.resource == resource }
            let asked = index.map { order.resourceLimits[$0] }
            var merged = ChildPlan.Limit(resource: resource, soft: limit.soft, hard: limit.hard)
            if let asked, !yields.contains(.limit(resource)) {
                merged.hard = min(asked.hard ?? limit.hard, limit.hard)
                merged.soft = min(asked.soft, merged.hard ?? limit.hard)
            }
            if let index { order.resourceLimits[index] = merged } else { order.resourceLimits.append(merged) }
        }
    }

    /// Whether a module has made a session keyring since, which the job is to have.
    func hasOtherKeyring(than before: ProcessTraits) -> Bool {
        traits.keyring > 0 && traits.keyring != before.traits.keyring
    }

    /// Whether the session keyring was the same one.
    func hasSameKeyring(as other: ProcessTraits) -> Bool { traits.keyring == other.traits.keyring }
}
