/// The values of `launch_backend`: by which way a job's process gets its account.
public enum LaunchBackendChoice: String, Sendable, Hashable, CaseIterable {
    /// A child that was root gives itself the account's groups and ids.
    case setuid

    /// Like ``setuid``, inside a PAM session of the account.
    case pam

    /// `sudo`, for a worker that is not root.
    case sudo

    /// The system helper, for a worker without any privilege.
    case helper

    /// No switch: jobs keep the worker's account, in desktop mode alone.
    case current
}
