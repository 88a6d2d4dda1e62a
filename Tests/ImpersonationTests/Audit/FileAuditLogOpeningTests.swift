import FoundationEssentials
import Glibc
import Impersonation
import SystemPackage
import Testing

@Suite("FileAuditLog: what it opens and what it refuses")
struct FileAuditLogOpeningTests {
    private let directory: ScratchDirectory

    init() throws {
        directory = try ScratchDirectory()
    }

    private func refusal(of name: String = "audit.log") -> AuditLogError? {
        #expect(throws: AuditLogError.self) { try FileAuditLog(directory.file(name)) }
    }

    @Test("a new file has mode 0600")
    func createsPrivately() throws {
        let log = try FileAuditLog(directory.file("audit.log"))
        let found = try Stat(log.path)
        #expect(found.permissions == .ownerReadWrite)
        #expect(found.userID.rawValue == geteuid())
    }

    @Test("a new file has mode 0600 under any umask", arguments: [0o000, 0o022, 0o077, 0o277, 0o777] as [mode_t])
    func createsPrivatelyUnderAnyMask(_ mask: mode_t) async {
        await #expect(processExitsWith: .success) { [mask] in
            let directory = try ScratchDirectory()
            umask(mask)
            let log = try FileAuditLog(directory.file("audit.log"))
            #expect(try Stat(log.path).permissions == .ownerReadWrite)
        }
    }

    @Test("a file that is there is continued")
    func continues() async throws {
        try directory.touch("audit.log")
        let inode = try Stat(directory.file("audit.log")).inode
        for _ in 0..<2 { try await FileAuditLog(directory.file("audit.log")).append(.sample) }
        #expect(try directory.lines("audit.log").count == 2)
        #expect(try Stat(directory.file("audit.log")).inode == inode)
    }

    @Test("a symbolic link is refused and not followed, dangling or not", arguments: ["there", "not-there"])
    func refusesSymbolicLink(_ target: String) throws {
        try directory.touch("there")
        #expect(unsafe symlink(target, directory.file("audit.log").string) == 0)
        let error = refusal()
        #expect(error?.message.contains("is a symbolic link") == true)
        #expect(error?.destination == directory.file("audit.log").string)
        #expect(throws: Errno.noSuchFileOrDirectory) { try Stat(directory.file("not-there")) }
    }

    @Test("a file with a second name is refused")
    func refusesHardLink() throws {
        try directory.touch("audit.log")
        #expect(unsafe link(directory.file("audit.log").string, directory.file("other").string) == 0)
        #expect(refusal()?.message.contains("has 2 names (hard links)") == true)
    }

    @Test("a FIFO is refused at once, whether or not somebody reads it", arguments: [false, true])
    func refusesFIFO(isRead: Bool) throws {
        #expect(unsafe mkfifo(directory.file("audit.log").string, 0o600) == 0)
        let reader =
            isRead ? try FileDescriptor.open(directory.file("audit.log"), .readOnly, options: .nonBlocking) : nil
        defer { try? reader?.close() }
        #expect(refusal()?.message.contains("is a FIFO, a socket or a device") == true)
    }

    @Test("a directory is refused")
    func refusesDirectory() throws {
        #expect(unsafe mkdir(directory.file("audit.log").string, 0o700) == 0)
        #expect(refusal()?.message.contains("is a directory") == true)
    }

    @Test(
        "a file that is open to others is refused, with the remedy",
        arguments: [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666]
    )
    func refusesMode(_ mode: Int) throws {
        try directory.touch("audit.log", mode: mode)
        let message = try #require(refusal()?.message)
        #expect(message.contains("mode 0\(String(mode, radix: 8))"))
        #expect(message.hasSuffix("chmod 600 \(directory.file("audit.log"))"))
    }

    @Test("somebody else's file is refused", .enabled(if: geteuid() == 0, "needs root to give a file away"))
    func refusesForeignFile() throws {
        try directory.touch("audit.log")
        #expect(unsafe chown(directory.file("audit.log").string, 2_001, 2_001) == 0)
        #expect(refusal()?.message.contains("belongs to uid 2001, not to uid 0") == true)
    }

    @Test("a file in somebody else's directory is refused", .enabled(if: geteuid() == 0, "needs root to give it away"))
    func refusesForeignDirectory() throws {
        #expect(unsafe chown(directory.path.string, 2_001, 2_001) == 0)
        #expect(refusal()?.message.contains("belongs to uid 2001, who could replace the file") == true)
    }

    @Test(
        "a directory that others may write to is refused unless it is sticky",
        arguments: [(0o770, false), (0o707, false), (0o777, false), (0o1777, true), (0o755, true), (0o700, true)]
    )
    func judgesDirectoryMode(mode: Int, isFine: Bool) throws {
        #expect(unsafe chmod(directory.path.string, mode_t(mode)) == 0)
        if isFine {
            _ = try FileAuditLog(directory.file("audit.log"))
        } else {
            #expect(refusal()?.message.contains("chmod go-w \(directory.path)") == true)
        }
    }

    @Test("a missing directory is named with the remedy")
    func namesMissingDirectory() {
        let error = refusal(of: "absent/audit.log")
        #expect(error?.errno == .noSuchFileOrDirectory)
        #expect(error?.message.contains("\(directory.file("absent")) cannot be opened; create it") == true)
    }

    @Test("what names no file is refused", arguments: ["", "/", "..", "/tmp/.."])
    func refusesNoName(_ path: String) {
        let error = #expect(throws: AuditLogError.self) { try FileAuditLog(FilePath(path)) }
        #expect(error?.message.hasPrefix("names no file") == true)
    }

    @Test("the descriptor is not inherited by a program that is executed")
    func closesOnExecute() throws {
        let log = try FileAuditLog(directory.file("audit.log"))
        let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
        let own = descriptors.filter {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == log.path.string
        }
        let flags = own.map { fcntl($0, F_GETFD) }
        #expect(flags == [FD_CLOEXEC])
    }

    @Test("the descriptor is never in the place of a standard stream, however few others are open")
    func keepsAwayFromStandardStreams() async {
        await #expect(processExitsWith: .success) {
            let directory = try ScratchDirectory()
            for number: Int32 in 0...2 { close(number) }
            let log = try FileAuditLog(directory.file("audit.log"))
            let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
                .filter { number in
                    let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")
                    return path == log.path.string
                }
            #expect(numbers.count == 1)
            #expect(numbers.allSatisfy { $0 > 2 && fcntl($0, F_GETFD) == FD_CLOEXEC })
        }
    }
}
