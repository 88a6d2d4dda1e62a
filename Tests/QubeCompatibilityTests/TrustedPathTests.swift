import Glibc
import QubeCompatibility
import SystemPackage
import Testing

@Suite("A path that only trusted accounts can change")
struct TrustedPathTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Whether a directory is the one that a path names.
    private func isSame(_ directory: FileDescriptor, as path: FilePath) throws -> Bool {
        var (opened, named) = (Glibc.stat(), Glibc.stat())
        try folder.check(unsafe fstat(directory.rawValue, &opened))
        try folder.check(unsafe lstat(path.string, &named))
        return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino
    }

    private func refusal(_ directory: FilePath) throws -> ConfigurationError {
        try #require(throws: ConfigurationError.self) { try TrustedPath.openDirectory(directory).close() }
    }

    @Test
    func `A file of any kind is read as it stands`() throws {
        let file = try folder.write("[{\"login\": \"alice\"}]\n", to: "grants.json")
        #expect(try TrustedPath.text(of: file) == "[{\"login\": \"alice\"}]\n")
    }

    @Test
    func `A file is not read out of a directory that others can write`() throws {
        try folder.makeDirectory("open", mode: 0o775)
        let file = try folder.write("[]", to: "open/grants.json")
        let error = try #require(throws: ConfigurationError.self) { try TrustedPath.text(of: file) }
        #expect(error.code == .untrusted)
        #expect(error.diagnostics.map(\.code) == [.untrustedMode])
    }

    @Test("A directory is opened, over dots and links", arguments: ["inner", "inner/.", "inner/../inner", "link"])
    func directory(name: String) throws {
        let inner = try folder.makeDirectory("inner")
        try folder.link("link", to: "inner")
        let directory = try TrustedPath.openDirectory(folder.path.appending(name))
        defer { try? directory.close() }
        #expect(try isSame(directory, as: inner))
        #expect(fcntl(directory.rawValue, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test
    func `The root is a directory as any other`() throws {
        let directory = try TrustedPath.openDirectory("/")
        defer { try? directory.close() }
        #expect(try isSame(directory, as: "/"))
    }

    @Test
    func `A sticky directory passes, and one that others can rename in does not, wherever it stands`() throws {
        let sticky = try folder.makeDirectory("sticky", mode: 0o1777)
        try TrustedPath.openDirectory(sticky).close()
        let open = try folder.makeDirectory("open", mode: 0o777)
        try folder.makeDirectory("open/inner")
        for directory in [open, open.appending("inner")] {
            let error = try refusal(directory)
            #expect(error.code == .untrusted)
            #expect("\(error)".hasSuffix("chmod go-w \(open)"))
        }
    }

    @Test(.enabled("giving files away needs root") { geteuid() == 0 })
    func `A directory below that of somebody else is refused with the owner`() throws {
        let theirs = try folder.makeDirectory("theirs")
        let inner = try folder.makeDirectory("theirs/inner")
        try folder.check(unsafe chown(theirs.string, 12_345, 0))
        #expect(try refusal(inner).diagnostics.map(\.code) == [.untrustedOwner])
    }

    @Test
    func `What is no directory is refused, and what is not there`() throws {
        let file = try folder.write("", to: "file")
        let error = try refusal(file)
        #expect(error.diagnostics.map(\.code) == [.notDirectory])
        #expect("\(error)".hasSuffix("\(file) is a regular file; name a directory"))
        #expect(try refusal(file.appending("inner")).code == .unreadable)
        #expect(try refusal(folder.path.appending("none")).code == .notFound)
    }
}
