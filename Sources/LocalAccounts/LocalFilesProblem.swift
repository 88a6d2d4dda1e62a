package import SystemPackage

/// A local file of the name service that is there and could not be read.
///
/// It must not count as empty: what nobody can read decides whether an account is local, and who else is asked.
package struct LocalFilesProblem: Error, Hashable {
    /// The file.
    package let path: FilePath

    /// What the system has said about it.
    package let errno: Errno

    package init(path: FilePath, errno: Errno) {
        (self.path, self.errno) = (path, errno)
    }

    /// A clause for a message.
    package var message: String { "\(path) cannot be read (\(errno))" }
}
