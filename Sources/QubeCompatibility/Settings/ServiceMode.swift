/// The values of `service_mode`: whether the worker is a service of the machine or belongs to whoever sits at it.
///
/// Qube! has both kinds of worker and chooses between them when it is installed; its files have no key for it.
public enum ServiceMode: String, Sendable, Hashable, CaseIterable {
    /// The worker is a service and switches to the account of each job.
    case service

    /// The worker belongs to a logged-in person, every job runs as that person, and nothing is switched.
    case desktop
}
