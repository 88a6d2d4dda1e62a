public import Impersonation
public import SystemPackage

/// Everything a worker's configuration says about the accounts of its jobs, each setting with its file and line.
///
/// The settings of Qube! keep the names, meanings and defaults of its configuration parameter reference. The others
/// belong to this library, and their names collide with none of Qube!'s.
public struct WorkerConfiguration: Sendable {
    /// `proxy_execution_mode`: whether jobs run as their own account or as ``proxyAccount``; `proxy` unless set.
    public var proxyExecutionMode: Sourced<ProxyExecutionMode>

    /// `proxy_account`: the bare name of the account of all jobs in proxy mode; `qubeproxy` unless set.
    public var proxyAccount: Sourced<String>

    /// `proxy_password`: the encrypted password of ``proxyAccount``; no backend of this version uses it.
    public var proxyPassword: Sourced<OpaqueSecretText?>

    /// `worker_host_domain`: the domain that bare account names belong to.
    public var hostDomain: Sourced<String?>

    /// `proxy_nice_value`: the nice value of jobs, -20 to 19; 0 unless set.
    public var niceValue: Sourced<Int>

    /// `service_mode`: whether the worker switches accounts at all; `service` unless set.
    public var serviceMode: Sourced<ServiceMode>

    /// `launch_backend`: by which way jobs get their account; `setuid` unless set, `current` in desktop mode.
    public var launchBackend: Sourced<LaunchBackendChoice>

    /// `pam_service`: the PAM service the `pam` backend asks; `impersonation` unless set.
    public var pamService: Sourced<String>

    /// `minimum_uid`: the smallest user id that may run jobs; 1000 unless set.
    public var minimumUserID: Sourced<UInt32>

    /// `denied_accounts`: accounts that never run jobs.
    public var deniedAccounts: Sourced<[AccountName]>

    /// `allowed_accounts`: the only accounts that run jobs, or `nil` when every account may.
    public var allowedAccounts: Sourced<[AccountName]?>

    /// `denied_groups`: groups, by name or id, whose members never run jobs.
    public var deniedGroups: Sourced<[GroupReference]>

    /// `allowed_groups`: the only groups, by name or id, whose members run jobs, or `nil` when membership does not matter.
    public var allowedGroups: Sourced<[GroupReference]?>

    /// `visible_domains`: the domains searched, in this order, for a bare name that is no local account.
    public var visibleDomains: Sourced<[String]>

    /// `domain_separator`: the character between domain and user; `\` unless set.
    public var domainSeparator: Sourced<Character>

    /// `environment`: how the environment of a job is built; `clean` unless set.
    public var environment: Sourced<EnvironmentChoice>

    /// `state`: where credentials, grants and bindings are to be kept, as a URL; nothing in this version does (``StateLocation``).
    public var state: Sourced<StateLocation>

    /// `audit_log`: the file decisions are written to.
    public var auditLog: Sourced<FilePath>

    /// The keys of Qube! that the file sets and this library has no use for, in the order of the file.
    ///
    /// Their values are not kept: some of them hold passwords.
    public var otherKeys: [Sourced<String>]

    /// Where a worker's configuration is unless another file is named.
    public static let defaultPath = FilePath("/etc/impersonation/worker.conf")

    /// What `state` is unless the file says otherwise.
    public static let defaultState = StateLocation(url: "sqlite:///var/lib/impersonation/state.db")

    /// Where decisions are written unless `audit_log` says otherwise.
    public static let defaultAuditLog = FilePath("/var/log/impersonation/audit.jsonl")

    /// Makes the configuration of a worker nobody has configured.
    public init() {
        proxyExecutionMode = Sourced(.proxy, from: .builtIn)
        proxyAccount = Sourced(ExecutionPolicy.defaultProxyAccount, from: .builtIn)
        proxyPassword = Sourced(nil, from: .builtIn)
        hostDomain = Sourced(nil, from: .builtIn)
        niceValue = Sourced(0, from: .builtIn)
        serviceMode = Sourced(.service, from: .builtIn)
        launchBackend = Sourced(.setuid, from: .builtIn)
        pamService = Sourced("impersonation", from: .builtIn)
        minimumUserID = Sourced(1_000, from: .builtIn)
        deniedAccounts = Sourced([], from: .builtIn)
        allowedAccounts = Sourced(nil, from: .builtIn)
        deniedGroups = Sourced([], from: .builtIn)
        allowedGroups = Sourced(nil, from: .builtIn)
        visibleDomains = Sourced([], from: .builtIn)
        domainSeparator = Sourced("\\", from: .builtIn)
        environment = Sourced(.clean, from: .builtIn)
        state = Sourced(Self.defaultState, from: .builtIn)
        auditLog = Sourced(Self.defaultAuditLog, from: .builtIn)
        otherKeys = []
    }
}
