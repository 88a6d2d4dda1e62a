/// What came of a request to run a command.
///
/// Only ``launched(_:because:)`` has run anything.
public enum LaunchOutcome: Sendable {
    /// The command runs, confirmed by the kernel.
    case launched(LaunchedProcess, because: Explanation)

    /// The command does not run: a rule refuses it.
    case denied(Denial, because: Explanation)

    /// The command does not run: the account or its credential is not usable.
    case badLogin(BadLogin, because: Explanation)

    /// Every rule that had a say.
    public var explanation: Explanation {
        switch self {
        case .launched(_, let explanation), .denied(_, let explanation), .badLogin(_, let explanation): explanation
        }
    }

    /// The running process, when there is one.
    public var process: LaunchedProcess? {
        guard case .launched(let process, _) = self else { return nil }
        return process
    }
}
