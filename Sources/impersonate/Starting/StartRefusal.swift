import ArgumentParser

/// Why the tool does not even read its command line.
struct StartRefusal: Error {
    /// What is said on standard error.
    let message: String

    /// The exit status.
    let exitCode: ExitCode
}
