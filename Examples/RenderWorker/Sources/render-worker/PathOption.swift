import ArgumentParser
import Glibc
import SystemPackage

extension FilePath {
    /// A path from the command line, made to begin at the root: jobs and other directories know nothing of ours.
    static func argument(_ text: String) throws -> FilePath {
        let path = FilePath(text)
        guard !path.isEmpty else { throw ValidationError("An empty path leads nowhere.") }
        guard path.isRelative else { return path }
        guard let directory = unsafe getcwd(nil, 0) else { throw Errno(rawValue: errno) }
        defer { unsafe free(directory) }
        return unsafe FilePath(platformString: directory).pushing(path)
    }
}
