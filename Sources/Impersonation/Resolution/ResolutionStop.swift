/// Why a stage of ``PolicyResolver`` goes no further.
enum ResolutionStop: Error {
    /// A rule refuses the request.
    case denied(Denial)

    /// The account is not usable.
    case badLogin(BadLogin)

    /// Nothing can be decided.
    case undecided(ResolutionError.Code, message: String, underlyingError: (any Error)?)

    /// The directory failed on the way.
    ///
    /// - Parameters:
    ///   - error: The failure of the directory.
    ///   - intent: What it was needed for: "account alice could not be looked up".
    /// - Returns: What the stage throws.
    static func directory(_ error: AccountDirectoryError, _ intent: String) -> ResolutionStop {
        if error.code == .cancelled {
            return .undecided(.cancelled, message: "\(intent): the task was cancelled", underlyingError: error)
        }
        return .undecided(
            error.code == .inconsistentAnswer ? .directoryInconsistent : .directoryUnavailable,
            message: "\(intent), so nothing runs: \(error)",
            underlyingError: error
        )
    }
}
