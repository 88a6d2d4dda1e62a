import Glibc
import LaunchPlan
import SystemPackage
import Testing

@testable import Impersonation

@Suite("A file for a stream that cannot be opened", .testBed)
struct StreamFileFailureTests {
    @Test("for output is told with what is wrong and what to do about it")
    func output() async throws {
        let place = try Place()
        defer { place.remove() }
        let old = try place.file("old")
        try await mustFail(
            .file(old, .createNew),
            .fileExists,
            "\(old) is there already, and `.createNew` makes no other; name"
        )
        try await mustFail(.file(place.path), .isDirectory, "\(place.path) is a directory; name a file in it")
        let missing = place.path.appending("missing/file")
        try await mustFail(
            .file(missing),
            .noSuchFileOrDirectory,
            "the directory of \(missing) does not exist, and only"
        )
        try await mustFail(.file(old.appending("file")), .notDirectory, "is a file and no directory; name another one")
        let link = place.path.appending("link")
        #expect(unsafe symlink(old.string, link.string) == 0)
        try await mustFail(
            .file(link),
            .tooManySymbolicLinkLevels,
            "\(link) is a symbolic link, which is not followed for output"
        )
        let fifo = place.path.appending("fifo")
        #expect(unsafe mkfifo(fifo.string, 0o666) == 0)
        try place.give(fifo, mode: 0o666)
        try await mustFail(
            .file(fifo),
            .noSuchAddressOrDevice,
            "\(fifo) is a FIFO that nobody reads, a socket, or a device"
        )
        let secret = FilePath("\(TestBed.directory)/root-only")
        try await mustFail(.file(secret), .permissionDenied, "the account may not write \(secret); make it writable")
    }

    @Test("for input is told with what is wrong and what to do about it")
    func input() async throws {
        let place = try Place()
        defer { place.remove() }
        let missing = place.path.appending("missing")
        try await mustFail(
            reading: missing,
            .noSuchFileOrDirectory,
            "\(missing) does not exist; check the path on this host"
        )
        let loop = place.path.appending("loop")
        #expect(unsafe symlink("loop", loop.string) == 0)
        try await mustFail(
            reading: loop,
            .tooManySymbolicLinkLevels,
            "\(loop) leads through symbolic links that do not end"
        )
        let secret = FilePath("\(TestBed.directory)/root-only")
        try await mustFail(reading: secret, .permissionDenied, "the account may not read \(secret); make it readable")
        let leased = try Lease(onCopyOf: "/bin/true", at: place.path.appending("leased"), owner: TestBed.alice.userID)
        defer { try? leased.file.close() }
        let path = place.path.appending("leased")
        try await mustFail(
            reading: path,
            .resourceTemporarilyUnavailable,
            "somebody has a lease on \(path) (F_SETLEASE)"
        )
    }

    @Test("because its file system is full, or cannot be written, or the file is a program that runs")
    func fileSystem() async throws {
        let place = try Place()
        defer { place.remove() }
        for (options, error, words) in [
            // The first inode is that of the directory itself.
            (
                "nr_inodes=1,mode=1777", Errno.noSpace,
                "could not be created, because its file system is full; make room"
            ),
            ("ro,mode=1777", .readOnlyFileSystem, "is on a file system that is mounted read-only; name one on another"),
        ] {
            #expect(unsafe system("mount -t tmpfs -o \(options) none \(place.path)") == 0)
            defer { _ = unsafe system("umount \(place.path)") }
            try await mustFail(.file(place.path.appending("file")), error, words)
        }
        let program = try place.file("program", copyOf: "/bin/sleep")
        let running = try await SetUIDLauncher()
            .launch(patient(Command(.path(program), arguments: ["3600"])), as: TestBed.alice.identity)
        try await mustFail(.file(program), .textFileBusy, "\(program) is a program that runs; name another file")
        try await running.terminate(gracePeriod: .zero)
        // What the accounts of a bed have no quota for.
        let quota = StepFailureText.describe(
            .openStream("/x", flags: O_WRONLY | O_CREAT, mode: .ownerReadWrite, at: 1),
            errno: .diskQuotaExceeded
        )
        #expect(quota.hasPrefix("/x could not be created, because a quota is used up; make room"))
    }

    @Test(
        "or a program behind it, leaves the files that were opened before: one is made, one emptied, and no process is left"
    )
    func leftFiles() async throws {
        let place = try Place()
        defer { place.remove() }
        let (made, emptied) = (place.path.appending("made"), try place.file("emptied"))
        var command = Command(.path("/nonexistent"))
        command.standardOutput = .file(made, .createNew)
        command.standardError = .file(emptied, .truncate)
        let error = try await launchError(command, as: TestBed.alice.identity)
        #expect(error.code == .executableNotStarted)
        #expect(exists(made))
        #expect(try ProcFile.read(emptied).isEmpty)
    }

    private func mustFail(_ output: StandardStream.Output, _ errno: Errno, _ words: String) async throws {
        var command = Command(.path("/bin/true"))
        command.standardOutput = output
        try await mustFail(command, errno, words)
    }

    private func mustFail(reading path: FilePath, _ errno: Errno, _ words: String) async throws {
        var command = Command(.path("/bin/true"))
        command.standardInput = .file(path)
        try await mustFail(command, errno, words)
    }

    private func mustFail(_ command: Command, _ errno: Errno, _ words: String) async throws {
        let error = try await launchError(command, as: TestBed.alice.identity)
        #expect(error.step == .openStream)
        #expect(error.errno == errno)
        #expect(error.message.contains(words), "\(error.message)")
        #expect(error.message.contains("; "), "there is no remedy: \(error.message)")
    }
}

/// A directory of alice's, which no protection of sticky directories is about.
private struct Place {
    let path = freshPath("place")

    init() throws {
        #expect(unsafe mkdir(path.string, 0o755) == 0)
        try give(path, mode: 0o755)
    }

    func give(_ path: FilePath, mode: mode_t) throws {
        try #require(unsafe chown(path.string, TestBed.alice.userID, TestBed.alice.groupID) == 0)
        try #require(unsafe chmod(path.string, mode) == 0)
    }

    func file(_ name: String, copyOf source: FilePath = "/etc/passwd") throws -> FilePath {
        let file = path.appending(name)
        #expect(unsafe system("cp \(source) \(file)") == 0)
        try give(file, mode: 0o755)
        return file
    }

    func remove() { _ = unsafe system("rm -r \(path)") }
}
