import ArgumentParser
import QubeCompatibility

/// The values of `--backend`.
enum BackendChoice: String, ExpressibleByArgument, CaseIterable {
    /// A switch of ids by the kernel's own system calls.
    case setuid

    /// A session opened with PAM.
    case pam

    /// The `sudo` program.
    case sudo

    /// The system helper, for a worker without any privilege.
    case helper

    /// The account of this process; no switch.
    case current

    init(_ configured: LaunchBackendChoice) {
        switch configured {
        case .setuid: self = .setuid
        case .pam: self = .pam
        case .sudo: self = .sudo
        case .helper: self = .helper
        case .current: self = .current
        }
    }
}
