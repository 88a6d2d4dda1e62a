import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The standard streams of a job", .testBed)
struct StreamTests {
    @Test("can be files, opened as the account and owned by it", arguments: everyIsolation)
    func files(_ isolation: SetUIDLauncher.Isolation) async throws {
        let path = freshPath("log")
        for expected in ["one\n", "one\none\n"] {
            var command = Command(.path("/bin/echo"), arguments: ["one"])
            command.standardOutput = .file(path)
            let process = try await SetUIDLauncher(isolation: isolation)
                .launch(patient(command), as: TestBed.alice.identity)
            #expect(try await process.exitReport().status == .exited(0))
            #expect(try ProcFile.read(path) == expected)
        }
        let status = try Stat(path)
        #expect(status.userID == UserID(TestBed.alice.userID))
        #expect(status.groupID == GroupID(TestBed.alice.groupID))
        #expect(status.mode.permissions == [.ownerReadWrite, .groupRead, .otherRead])
    }

    @Test("that are files have one position when error goes where output goes", arguments: everyIsolation)
    func oneFileForBoth(_ isolation: SetUIDLauncher.Isolation) async throws {
        let path = freshPath("both")
        var command = Command(.path("/bin/sh"), arguments: ["-c", "echo out; echo err >&2; echo out"])
        command.standardOutput = .file(path, .truncate)
        command.standardError = .standardOutput
        let process = try await SetUIDLauncher(isolation: isolation)
            .launch(patient(command), as: TestBed.alice.identity)
        _ = try await process.exitReport()
        #expect(try ProcFile.read(path) == "out\nerr\nout\n")
    }

    @Test(
        "that are files are opened with no right of the daemon's",
        arguments: everyIsolation,
        ["/proc/sys/kernel/core_pattern", "/dev/kmsg"]
    )
    func filesOfTheSuperuser(_ isolation: SetUIDLauncher.Isolation, _ path: String) async throws {
        var command = Command(.path("/bin/true"))
        command.standardOutput = .file(FilePath(path))
        let error = try await launchError(command, as: TestBed.alice.identity, SetUIDLauncher(isolation: isolation))
        #expect(error.step == .openStream)
        #expect(error.errno == .permissionDenied || error.errno == .notPermitted)
    }

    @Test("that are files show no address of the kernel", arguments: everyIsolation)
    func kernelAddresses(_ isolation: SetUIDLauncher.Isolation) async throws {
        var command = Command(.path("/usr/bin/awk"), arguments: [#"$1 !~ /^0*$/ { found = 1 } END { exit found }"#])
        command.standardInput = .file("/proc/kallsyms")
        // Direct mode takes no file of /proc at all.
        if isolation == .direct {
            let error = try await launchError(command, as: TestBed.alice.identity, SetUIDLauncher(isolation: isolation))
            #expect(error.step == .openStream)
        } else {
            let result = try await run(command, as: TestBed.alice.identity, SetUIDLauncher(isolation: isolation))
            #expect(result.exit.status == .exited(0))
        }
    }

    @Test("show the job its own memory, never the daemon's", arguments: everyIsolation)
    func memoryMap(_ isolation: SetUIDLauncher.Isolation) async throws {
        var command = Command(.path("/bin/cat"))
        command.standardInput = .file("/proc/self/maps")
        let launcher = SetUIDLauncher(isolation: isolation)
        if isolation == .direct {
            let error = try await launchError(command, as: TestBed.alice.identity, launcher)
            #expect(error.step == .openStream)
            #expect(error.errno == .permissionDenied)
        } else {
            let result = try await run(command, as: TestBed.alice.identity, launcher)
            #expect(!result.text.contains("libswiftCore"))
        }
    }

    @Test("that are files are never reached through a link somebody left there", arguments: everyIsolation)
    func symbolicLinks(_ isolation: SetUIDLauncher.Isolation) async throws {
        let link = freshPath("link")
        let target = freshPath("target")
        #expect(unsafe symlink(target.string, link.string) == 0)
        var command = Command(.path("/bin/echo"), arguments: ["one"])
        command.standardOutput = .file(link, .truncate)
        let error = try await launchError(command, as: TestBed.alice.identity, SetUIDLauncher(isolation: isolation))
        #expect(error.step == .openStream)
        #expect(error.message.contains(link.string))
        #expect(!exists(target))
    }

    @Test("that are files cannot hold the launch up: a FIFO nobody reads is refused", arguments: everyIsolation)
    func fifos(_ isolation: SetUIDLauncher.Isolation) async throws {
        let path = freshPath("fifo")
        #expect(unsafe mkfifo(path.string, 0o666) == 0)
        #expect(unsafe chmod(path.string, 0o666) == 0)
        var command = Command(.path("/bin/echo"), arguments: ["one"])
        command.standardOutput = .file(path)
        let error = try await launchError(command, as: TestBed.alice.identity, SetUIDLauncher(isolation: isolation))
        #expect(error.step == .openStream)
    }

    @Test("that are files are out of reach when the account may not open them", arguments: everyIsolation)
    func forbiddenFiles(_ isolation: SetUIDLauncher.Isolation) async throws {
        let launcher = SetUIDLauncher(isolation: isolation)
        for file in ["root-only", "private/secret", "only-root-could-create-this"] {
            let path = "\(TestBed.directory)/\(file)"
            var output = Command(.path("/bin/echo"), arguments: ["one"])
            output.standardOutput = .file(FilePath(path))
            #expect(try await launchError(output, as: TestBed.alice.identity, launcher).errno == .permissionDenied)
            var input = Command(.path("/bin/cat"))
            input.standardInput = .file(FilePath(path))
            #expect(try await launchError(input, as: TestBed.alice.identity, launcher).step == .openStream)
        }
    }

    @Test("that must be new fail where there is one already")
    func createNew() async throws {
        let path = freshPath("new")
        var command = Command(.path("/bin/echo"), arguments: ["one"])
        command.standardOutput = .file(path, .createNew)
        _ = try await run(command, as: TestBed.alice.identity)
        let error = try await launchError(command, as: TestBed.alice.identity)
        #expect(error.step == .openStream)
        #expect(error.errno == .fileExists)
    }

    @Test("can be pipes in both directions", arguments: everyIsolation)
    func pipes(_ isolation: SetUIDLauncher.Isolation) async throws {
        var command = Command(.path("/bin/cat"))
        command.standardInput = .pipe
        command.standardOutput = .pipe
        let process = try await SetUIDLauncher(isolation: isolation)
            .launch(patient(command), as: TestBed.alice.identity)
        let input = try #require(process.takeStandardInput())
        #expect(process.takeStandardInput() == nil)
        let output = try #require(process.takeStandardOutput())
        #expect(process.takeStandardError() == nil)
        try input.writeAll("through the job".utf8)
        try input.close()
        #expect(try await process.exitReport().status == .exited(0))
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe output.read(into: $0) }
        #expect(String(decoding: buffer.prefix(count), as: UTF8.self) == "through the job")
        try output.close()
    }

    @Test("can be captured up to a limit; the rest is counted and thrown away", arguments: everyIsolation)
    func captured(_ isolation: SetUIDLauncher.Isolation) async throws {
        var command = Command(.path("/bin/sh"), arguments: ["-c", "head -c 3000000 /dev/zero; echo err >&2"])
        command.standardOutput = .captured(limit: 1_000)
        command.standardError = .captured(limit: 1_000)
        let exit = try await run(command, as: TestBed.alice.identity, SetUIDLauncher(isolation: isolation)).exit
        #expect(exit.status == .exited(0))
        #expect(exit.standardOutput?.bytes.count == 1_000)
        #expect(exit.standardOutput?.omittedBytes == 2_999_000)
        #expect(exit.standardError?.text == "err\n")
    }

    @Test("that are captured do not wait for descendants that keep them open")
    func descendants() async throws {
        let result = try await runScript("echo before; sleep 3600 & echo $!", as: TestBed.alice.identity)
        let lines = result.text.split(separator: "\n")
        #expect(lines.first == "before")
        let sleeper = try #require(lines.last.flatMap { Int32($0) })
        #expect(kill(sleeper, 0) == 0, "the descendant that keeps the pipe open has not ended")
        kill(sleeper, SIGKILL)
    }

    @Test("can be descriptors of the daemon, which keeps them")
    func descriptors() async throws {
        let path = freshPath("descriptor")
        let file = try FileDescriptor.open(path, .writeOnly, options: [.create], permissions: .ownerReadWrite)
        var command = Command(.path("/bin/echo"), arguments: ["one"])
        command.standardOutput = .descriptor(file)
        let process = try await SetUIDLauncher().launch(patient(command), as: TestBed.alice.identity)
        _ = try await process.exitReport()
        try file.writeAll("two\n".utf8)
        try file.close()
        #expect(try ProcFile.read(path) == "one\ntwo\n")

        command.standardOutput = .descriptor(FileDescriptor(rawValue: 9_999))
        let error = try await launchError(command, as: TestBed.alice.identity)
        #expect(error.step == .createPipes)
        #expect(error.errno == .badFileDescriptor)
    }
}
