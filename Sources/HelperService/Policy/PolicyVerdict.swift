package import LaunchPlan

/// What the policy says of a launch.
package enum PolicyVerdict: Hashable, Sendable {
    case permitted(PolicyPermit)
    case refused(PolicyRefusal)
}

/// The permission for one launch.
package struct PolicyPermit: Hashable, Sendable {
    /// ``PolicyDecision/permitted``, put together from every single decision.
    ///
    /// Whoever launches looks at it right before he does: the case of ``PolicyVerdict`` is one bit in memory, this is not.
    package let decision: PolicyDecision

    /// Who the job may run as.
    package let credentials: ChildPlan.Credentials

    /// What the programs have to pass as well, in the child, before one of them is executed; `nil` where every program
    /// is permitted.
    package let executables: ExecutableCheck?
}
