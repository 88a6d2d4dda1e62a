/// The values of Qube!'s `proxy_execution_mode`: whether jobs run as their own account or as the worker's.
public enum ProxyExecutionMode: String, Sendable, Hashable, CaseIterable {
    /// Every job runs as its own account.
    case user

    /// Every job runs as the worker's `proxy_account`.
    case proxy
}
