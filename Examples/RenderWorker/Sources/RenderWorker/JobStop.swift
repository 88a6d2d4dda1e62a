import Impersonation

/// Why a job does not run.
struct JobStop: Error {
    /// Where its file goes.
    let folder: SpoolFolder

    /// `denied`, `badlogin`, `error` or `bad`.
    let outcome: String

    /// The stable code of the reason.
    let reason: String

    /// What happened, and what to do about it.
    let message: String

    static func bad(_ reason: String, _ message: String) -> JobStop {
        JobStop(folder: .bad, outcome: "bad", reason: reason, message: message)
    }

    static func refused(_ reason: String, _ message: String) -> JobStop {
        JobStop(folder: .refused, outcome: "denied", reason: reason, message: message)
    }

    static func failed(_ reason: String, _ message: String) -> JobStop {
        JobStop(folder: .failed, outcome: "error", reason: reason, message: message)
    }
}
