import FoundationEssentials
import Glibc

/// A directory of root's that every account may enter, below directories of root's alone.
final class WorkDirectory {
    /// Where it is.
    let path: String

    /// Makes the directory in the test bed's own place, or in `/run` where there is no such place.
    init() throws {
        let parent = unsafe access("/bed", W_OK) == 0 ? "/bed" : "/run"
        var template = Array("\(parent)/spawn-benchmarks-XXXXXX".utf8CString)
        guard let made = unsafe mkdtemp(&template), unsafe chmod(made, 0o755) == 0 else {
            throw BenchmarkError("no directory could be made in \(parent) (errno \(errno))")
        }
        path = unsafe String(cString: made)
    }

    /// Copies a program there.
    ///
    /// - Parameters:
    ///   - source: The program.
    ///   - name: The name of the copy.
    ///   - owner: Whom it belongs to; root unless set.
    ///   - mode: Who may do what with it.
    /// - Returns: The path of the copy.
    /// - Throws: When the program cannot be read or the copy not be written.
    func copy(_ source: String, as name: String, owner: uid_t = 0, mode: mode_t = 0o755) throws -> String {
        let target = "\(path)/\(name)"
        try Data(contentsOf: URL(filePath: source)).write(to: URL(filePath: target))
        guard unsafe chown(target, owner, 0) == 0, unsafe chmod(target, mode) == 0 else {
            throw BenchmarkError("\(target) could not be made a program (errno \(errno))")
        }
        return target
    }

    /// Removes it with everything in it.
    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}
