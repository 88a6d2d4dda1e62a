import Glibc
import LaunchPlan
import SystemPackage

/// A pipe with a password in it: once it was read it is nowhere any more.
enum PasswordPipe {
    /// Makes one.
    ///
    /// A password is shorter than what a pipe takes at once (`PIPE_BUF`), so nothing waits.
    ///
    /// - Parameter secret: The password.
    /// - Returns: The end to read from; the other one is closed.
    /// - Throws: `Errno` of `pipe(2)` or `write(2)`.
    static func holding(_ secret: borrowing Secret) throws(Errno) -> OwnedDescriptor {
        let (reading, writing) = try OwnedDescriptor.pipe()
        let written = secret.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { bytes in unsafe write(writing.rawValue, bytes.baseAddress, bytes.count) }
        }
        guard written >= 0 else { throw Errno(rawValue: errno) }
        writing.closeNow()
        return reading
    }
}
