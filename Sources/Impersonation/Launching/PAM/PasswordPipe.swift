import Glibc
import LaunchPlan
import SystemPackage

/// A pipe with a password in it: once it was read it is nowhere any more.
struct PasswordPipe {
    /// The end that is sent to whoever proves the password.
    let reading: OwnedDescriptor

    /// The same once more, for what nobody has read.
    private let rest: OwnedDescriptor

    /// Makes one; the end to write to is closed.
    ///
    /// A password is shorter than what a pipe takes at once (`PIPE_BUF`), so nothing waits.
    ///
    /// - Parameter secret: The password.
    /// - Throws: `Errno` of `pipe(2)` or `write(2)`.
    init(holding secret: borrowing Secret) throws(Errno) {
        let (reading, writing) = try OwnedDescriptor.pipe()
        rest = try OwnedDescriptor(duplicating: reading.rawValue)
        let written = secret.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { bytes in unsafe write(writing.rawValue, bytes.baseAddress, bytes.count) }
        }
        // A process that another thread forks meanwhile has the end to write to as well, and reading would wait for that.
        guard written >= 0, fcntl(rest.rawValue, F_SETFL, O_NONBLOCK) == 0 else { throw Errno(rawValue: errno) }
        writing.closeNow()
        self.reading = reading
    }

    /// Takes out what nobody has read: it was sent to a process that may stand still, and would lie there as long.
    ///
    /// Whoever reads it afterwards finds its end.
    func takeBack() {
        reading.closeNow()
        unsafe withUnsafeTemporaryAllocation(byteCount: Int(PIPE_BUF), alignment: 1) { buffer in
            while unsafe read(rest.rawValue, buffer.baseAddress, buffer.count) > 0 {}
            if let base = buffer.baseAddress { unsafe explicit_bzero(base, buffer.count) }
        }
        rest.closeNow()
    }
}
