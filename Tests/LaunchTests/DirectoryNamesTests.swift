import Glibc
import SystemPackage
import Testing

@testable import LaunchPlan

@Suite("The names in a directory")
struct DirectoryNamesTests {
    /// Short names fill what `readdir(3)` reads at once, to its last bytes.
    ///
    /// With the address sanitizer this fails as well when anything behind a name is read.
    @Test("are all of them, the longest included, and nothing of what lies behind")
    func all() throws {
        let path = "/tmp/directory-names-\(UInt64.random(in: 0 ... .max))"
        try #require(unsafe mkdir(path, 0o700) == 0)
        let names = Set((0..<3_000).map { String($0) } + [String(repeating: "n", count: 255)])
        defer {
            for name in names { unsafe unlink("\(path)/\(name)") }
            unsafe rmdir(path)
        }
        for name in names { unsafe close(open("\(path)/\(name)", O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)) }
        let directory = try unsafe #require(unsafe opendir(path))
        defer { unsafe closedir(directory) }
        let read = unsafe Array(DirectoryNames(directory))
        #expect(read.count == names.count + 2)
        #expect(Set(read) == names.union([".", ".."]))
    }
}
