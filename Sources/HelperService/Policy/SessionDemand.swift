/// Whether a job has to have a session of PAM.
package enum SessionDemand: String, CaseIterable, Sendable {
    /// The daemon decides.
    case optional

    /// Nothing is launched without one.
    case required

    /// Nothing is launched without one in which the account's password was proven.
    case authenticated
}
