import CLaunchPlan
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("Extra descriptors of a job", .testBed)
struct ExtraDescriptorTests {
    @Test("are 3 and upwards in their order, and variables say so", arguments: everyIsolation, [1, 2, 3, 4, 64])
    func order(_ isolation: SetUIDLauncher.Isolation, _ count: Int) async throws {
        let files = try (0..<count).map { _ in try Numbered() }
        defer { for file in files { try? file.descriptor.close() } }
        let report = try await runProbe(as: TestBed.alice.identity, isolation) { command in
            // The last one first: what takes a place must not be what still has to take another.
            command.extraDescriptors = files.enumerated().reversed()
                .map { ExtraDescriptor(name: "EXTRA_\($0)", descriptor: $1.descriptor) }
        }
        #expect(report.descriptors.map(\.number) == Array(0..<Int32(count + 3)))
        for (index, file) in files.reversed().enumerated() {
            let descriptor = try #require(report.descriptor(Int32(index + 3)))
            #expect(descriptor.inode == file.inode)
            #expect(!descriptor.closeOnExec)
            #expect(report.environment.contains("EXTRA_\(count - 1 - index)=\(index + 3)"))
        }
    }

    @Test("take the place of nothing, whatever numbers the daemon's have", arguments: everyIsolation)
    func numbers(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let person = try await warmedUp(isolation)
            // Each run holds the numbers up to another one, so that everything a launch makes has another one too.
            for held in 0..<12 {
                let holders = (0..<held).map { _ in unsafe open("/dev/null", O_RDONLY | O_CLOEXEC) }
                let files = try (0..<5).map { _ in try Numbered() }
                let report = try await runProbe(as: person, isolation) { command in
                    command.standardInput = .descriptor(files[4].descriptor)
                    command.extraDescriptors = files.enumerated()
                        .map { ExtraDescriptor(name: "EXTRA_\($0)", descriptor: $1.descriptor) }
                }
                #expect(report.descriptors.map(\.number) == Array(0...7))
                #expect(report.descriptor(0)?.inode == files[4].inode)
                #expect((3...7).map { report.descriptor($0)?.inode } == files.map(\.inode))
                for file in files { try file.descriptor.close() }
                for holder in holders { close(holder) }
            }
        }
    }

    @Test("stay the daemon's, and cost it none", arguments: everyIsolation)
    func noLeak(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let person = try await warmedUp(isolation)
            let file = try Numbered()
            let before = try await openDescriptorCount()
            for _ in 0..<20 {
                let result = try await runScript("echo one >&$LOG", as: person, SetUIDLauncher(isolation: isolation)) {
                    $0.extraDescriptors = [ExtraDescriptor(name: "LOG", descriptor: file.descriptor)]
                }
                #expect(result.exit.status == .exited(0))
            }
            #expect(try await openDescriptorCount() < before + 10)
            try file.descriptor.writeAll("two\n".utf8)
            #expect(try ProcFile.read(file.path) == String(repeating: "one\n", count: 20) + "two\n")
        }
    }

    @Test("survive the login shell")
    func loginShell() async throws {
        let file = try Numbered()
        defer { try? file.descriptor.close() }
        let result = try await runScript("echo one >&$LOG", as: TestBed.bob.identity) {
            $0.environment = .login
            $0.extraDescriptors = [ExtraDescriptor(name: "LOG", descriptor: file.descriptor)]
        }
        #expect(result.exit.status == .exited(0))
        #expect(try ProcFile.read(file.path) == "one\n")
    }

    @Test("have variables that the submitter cannot set")
    func exported() async throws {
        let file = try Numbered()
        defer { try? file.descriptor.close() }
        let result = try await runScript("echo $LOG", as: TestBed.alice.identity) {
            $0.environment = .export(["LOG": "2"])
            $0.extraDescriptors = [ExtraDescriptor(name: "LOG", descriptor: file.descriptor)]
        }
        #expect(result.text == "3\n")
        #expect(result.process.report.omittedVariables == ["LOG"])
    }

    @Test(
        "have names that are variables and mean nothing else",
        arguments: ["", "1ST", "A=B", "A-B", "Ä", "A\0", "PATH", "HOME", "LD_PRELOAD", "BASH_ENV", "TWICE"]
    )
    func names(_ name: String) async throws {
        var command = Command(.path("/bin/true"))
        command.extraDescriptors = [
            ExtraDescriptor(name: "TWICE", descriptor: .standardError),
            ExtraDescriptor(name: name, descriptor: .standardError),
        ]
        let error = try await launchError(command, as: TestBed.alice.identity)
        #expect(error.code == .invalidCommand)
        #expect(error.step == .prepare)
    }

    @Test("are 64 at most")
    func tooMany() async throws {
        var command = Command(.path("/bin/true"))
        command.extraDescriptors = (0..<65).map { ExtraDescriptor(name: "EXTRA_\($0)", descriptor: .standardError) }
        #expect(try await launchError(command, as: TestBed.alice.identity).code == .invalidCommand)
    }

    @Test("that are not open are an error of the daemon's", arguments: everyIsolation)
    func closed(_ isolation: SetUIDLauncher.Isolation) async throws {
        var command = Command(.path("/bin/true"))
        command.extraDescriptors = [ExtraDescriptor(name: "LOG", descriptor: FileDescriptor(rawValue: 9_999))]
        let error = try await launchError(command, as: TestBed.alice.identity, SetUIDLauncher(isolation: isolation))
        #expect(error.step == .createPipes)
        #expect(error.errno == .badFileDescriptor)
    }

    @Test("leave the failures that come after them their way back", arguments: everyIsolation)
    func failures(_ isolation: SetUIDLauncher.Isolation) async throws {
        var command = Command(.path("/nonexistent"))
        command.extraDescriptors = (0..<4).map { ExtraDescriptor(name: "EXTRA_\($0)", descriptor: .standardError) }
        let launcher = SetUIDLauncher(isolation: isolation)
        let error = try await launchError(command, as: TestBed.alice.identity, launcher)
        #expect(error.code == .executableNotStarted)
        #expect(error.errno == .noSuchFileOrDirectory)
    }

    @Test("need room below the job's limit of open files, and the error says so")
    func limit() async throws {
        var command = Command(.path("/bin/true"))
        command.extraDescriptors = [ExtraDescriptor(name: "LOG", descriptor: .standardError)]
        command.resourceLimits[.openFiles] = ResourceLimits.Limit(soft: 8)
        let error = try await launchError(command, as: TestBed.alice.identity)
        #expect(error.step == .moveDescriptors)
        #expect(error.message.contains("limit of open files"))
    }

    @Test("are moved by the trampoline alone", arguments: [EncodedPlan.Kind.direct, .bootstrap])
    func onlyInTheTrampoline(_ kind: EncodedPlan.Kind) throws {
        let operations: [ChildOperation] = [.unshareDescriptors(from: 1_000), .moveDescriptors(to: 8)]
        let failure = try #require(try interpreterFailure(of: EncodedPlan(operations, kind: kind).bytes))
        #expect(failure.step == LAUNCH_STEP_MOVE_DESCRIPTORS.rawValue)
        #expect(failure.error == EBADMSG)
    }
}

/// An open file of its own, known by its inode.
private struct Numbered {
    let path = freshPath("extra")
    let descriptor: FileDescriptor
    let inode: UInt64

    init() throws {
        descriptor = try FileDescriptor.open(
            path,
            .readWrite,
            options: [.create, .append, .closeOnExec],
            permissions: .ownerReadWrite
        )
        var status = stat()
        let result = unsafe fstat(descriptor.rawValue, &status)
        #expect(result == 0)
        inode = UInt64(status.st_ino)
    }
}
