public import SystemPackage

/// Opens what only root or this process's own user could have put where it is.
///
/// A worker reads more than its configuration to decide whom jobs run as: a list of grants, a spool. Looking at the
/// file alone does not make it trustworthy, because whoever can write a directory on the way exchanges the file for an
/// older one. So the way is walked component by component with `openat(2)`, each component is held to
/// ``ConfigurationTrust/trusted``, and what was looked at is what is opened.
///
/// Both functions block for as long as the file system does. Call them before serving anybody, or on a thread of its
/// own, not in a task.
public enum TrustedPath {
    /// Reads a text file.
    ///
    /// - Parameter file: The file. Symbolic links are followed, and held to the same.
    /// - Returns: The text: at most 1 MiB of UTF-8 without zero bytes.
    /// - Throws: ``ConfigurationError`` with the component of the path that is missing or not to be trusted, its owner
    ///   and mode, and the remedy.
    public static func text(of file: FilePath) throws(ConfigurationError) -> String {
        try ConfigurationFileReader.read(file, trust: .trusted).text
    }

    /// Opens a directory, to reach what is in it by `openat(2)` wherever its path leads meanwhile.
    ///
    /// - Parameter directory: The directory. Symbolic links are followed, and held to the same. One that others can
    ///   write passes when it is sticky, like `/tmp`: what is in it may be anybody's, but nobody exchanges there what
    ///   belongs to root.
    /// - Returns: A descriptor for reading, closed on exec. The caller closes it.
    /// - Throws: ``ConfigurationError`` as ``text(of:)``.
    public static func openDirectory(_ directory: FilePath) throws(ConfigurationError) -> FileDescriptor {
        try ConfigurationFileReader.openDirectory(directory)
    }
}
