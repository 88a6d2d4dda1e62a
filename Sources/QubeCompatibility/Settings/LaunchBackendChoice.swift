/// The values of `launch_backend`: by which way a job's process gets its account.
public enum LaunchBackendChoice: String, Sendable, Hashable, CaseIterable {
    /// A child of a worker that is root, or has `CAP_SETUID` and `CAP_SETGID`, gives itself the account's groups and ids.
    case setuid

    /// Through the system helper, in a session of PAM.
    case pam

    /// `sudo`, for a worker that is not root.
    case sudo

    /// The system helper, for a worker without any privilege.
    case helper

    /// No switch: jobs keep the worker's account, in desktop mode alone.
    case current
}
