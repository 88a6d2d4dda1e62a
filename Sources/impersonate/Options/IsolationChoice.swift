import ArgumentParser
import Impersonation

/// The values of `--isolation`.
enum IsolationChoice: String, ExpressibleByArgument, CaseIterable {
    /// An address space of its own.
    case isolated

    /// The memory of this tool until the command runs.
    case direct

    /// The same for a launcher.
    var isolation: SetUIDLauncher.Isolation {
        switch self {
        case .isolated: .isolated
        case .direct: .direct
        }
    }
}
