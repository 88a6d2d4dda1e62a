/// Whether what is known of a job beside the worker's own words agrees with them.
public enum JobVerdict: String, Sendable, Hashable, CaseIterable {
    /// The log was the account's when the job began, and the job has said nothing else of itself.
    case agreement

    /// Nothing bears the worker out, or the job says something else of itself, as any job can.
    case unverified

    /// The kernel said that the log was somebody else's when the job began.
    case contradiction
}
