/// The helper cannot do its work, and does not begin.
package struct HelperError: Error, Hashable, Sendable {
    /// What is wrong; the raw value is the exit status, as `sysexits.h` has them.
    package enum Code: Int32, Sendable {
        case usage = 64
        case unavailable = 69
        case system = 71
        case notPermitted = 77
        case configuration = 78
    }

    package let code: Code

    /// What happened and what to do about it.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
