import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("What a launch tells of its time", .testBed)
struct TimingTests {
    @Test("are stages that follow each other and make up the whole", arguments: everyIsolation)
    func stages(_ isolation: SetUIDLauncher.Isolation) async throws {
        let person = try await TestBed.alice.identity
        let begin = ContinuousClock.now
        let launcher = SetUIDLauncher(isolation: isolation)
        let process = try await launcher.launch(patient(Command(.path("/bin/true"))), as: person)
        expectStages(process.report, within: ContinuousClock.now - begin)
        _ = try await process.exitReport()
    }

    @Test("is the same for a job of the worker's own account")
    func desktop() async throws {
        await #expect(processExitsWith: .success) {
            let person = try await TestBed.carol.identity
            #expect(setgid(TestBed.carol.groupID) == 0)
            #expect(setuid(TestBed.carol.userID) == 0)
            let own = ExecutionIdentity(
                admitted: person.account,
                login: person.login,
                mode: .desktop,
                method: .keepCurrentAccount
            )
            let begin = ContinuousClock.now
            let process = try await CurrentUserLauncher().launch(patient(Command(.path("/bin/true"))), as: own)
            expectStages(process.report, within: ContinuousClock.now - begin)
            _ = try await process.exitReport()
        }
    }
}

private func expectStages(_ report: LaunchReport, within limit: Duration) {
    let timings = report.timings
    for part in [timings.preparation, timings.clone, timings.confirmation] { #expect(part > .zero) }
    #expect(report.startTime == timings.preparation + timings.clone + timings.confirmation)
    #expect(report.startTime <= limit)
}

@Suite("The memory of a job", .testBed)
struct MemoryAccountingTests {
    private static let mebibyte = 1 << 20

    /// A job that has a number of mebibytes at once, and gives them back.
    private static func peak(_ mebibytes: Int, _ launcher: some ProcessLauncher) async throws -> Int? {
        let script = "my $x = 'x' x (\(mebibytes) << 20); undef $x"
        let command = patient(Command(.path("/usr/bin/perl"), arguments: ["-e", script]))
        let process = try await launcher.launch(command, as: TestBed.alice.identity)
        return try await process.exitReport().usage?.peakResidentBytes
    }

    @Test(
        "is told with its end: the most that it had at once, unless the daemon has had more",
        arguments: everyIsolation
    )
    func peak(_ isolation: SetUIDLauncher.Isolation) async throws {
        let status = try ProcFile.read("/proc/self/status")
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        let own =
            try #require(line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) })
            >> 10
        let launcher = SetUIDLauncher(isolation: isolation)
        let much = try #require(try await Self.peak(own + 128, launcher))
        // perl may have what it repeats twice at once, and with a sanitizer the daemon has had more than a gigabyte.
        #expect((own + 128..<max(own + 1_024, 2 * (own + 128) + 64)).contains(much / Self.mebibyte))
        #expect(try await Self.peak(1, launcher) == nil)
    }

    @Test("is told through the helper, unless the helper's own process has had more")
    func peakThroughTheHelper() async throws {
        let helper = try RunningHelper(policy: ["peers = 0"])
        let much = try #require(try await Self.peak(256, helper.launcher))
        #expect((256..<1_024).contains(much / Self.mebibyte))
        let little = try await helper.launcher.launch(patient(Command(.path("/bin/true"))), as: TestBed.alice.identity)
        #expect(try await little.exitReport().usage?.peakResidentBytes == nil)
    }
}

@Suite("The input and output of a job", .testBed)
struct BlockAccountingTests {
    private static let megabytes = 2
    private static let blocks = megabytes << 20 / 512

    /// `RUSAGE_THREAD` and `O_TMPFILE` less `O_DIRECTORY`, which the Glibc module leaves out.
    private static let thisThread: Int32 = 1
    private static let withoutName: Int32 = 0o20_000_000

    /// A directory on a file system whose writes the kernel counts, which memory does not have; found out by writing.
    private static let directory: FilePath? = {
        let places = [
            FileManager.default.currentDirectoryPath, "/var/tmp", "/home", "/opt", "/usr", "/srv", "/root",
        ]
        return places.lazy.map { FilePath($0) }
            .first { place in
                guard let file = scratch(in: place) else { return false }
                defer { try? file.close() }
                let before = written()
                _ = try? file.writeAll([UInt8](repeating: 1, count: 1 << 20))
                return fsync(file.rawValue) == 0 && written() - before >= 1 << 20 / 512
            }
    }()

    private static func written() -> Int {
        var usage = rusage()
        unsafe getrusage(thisThread, &usage)
        return usage.ru_oublock
    }

    /// A file without a name.
    private static func scratch(in directory: FilePath) -> FileDescriptor? {
        let flags = withoutName | O_DIRECTORY | O_RDWR | O_CLOEXEC
        let descriptor = unsafe directory.withPlatformString { unsafe open($0, flags, 0o600) }
        return descriptor >= 0 ? FileDescriptor(rawValue: descriptor) : nil
    }

    @Test(
        "is counted in blocks of 512 bytes, that of its children included",
        .enabled(if: directory != nil, "needs a file system whose blocks the kernel counts"),
        arguments: [LaunchWay.isolated, .direct, .helperAsRoot, .helperWithTwoCapabilities]
    )
    func counted(_ way: LaunchWay) async throws {
        let helper = try way.helper.map { try RunningHelper($0, policy: ["peers = 0"]) }
        let launcher = way.launcher(helper?.socket ?? "/nowhere")
        let file = Self.directory.flatMap { Self.scratch(in: $0) }
        let writing = try #require(file)
        defer { try? writing.close() }
        // Another open file, with a position of its own.
        let reading = try FileDescriptor.open(FilePath("/proc/self/fd/\(writing.rawValue)"), .readOnly)
        defer { try? reading.close() }
        func script(_ text: String) async throws -> ResourceUsage {
            let result = try await runScript(text, as: TestBed.alice.identity, launcher) { command in
                command.extraDescriptors = [
                    ExtraDescriptor(name: "WRITING", descriptor: writing),
                    ExtraDescriptor(name: "READING", descriptor: reading),
                ]
            }
            #expect(result.exit.status == .exited(0), "\(result.exit.standardError?.text ?? "")")
            return try #require(result.exit.usage)
        }
        let writer = try await script("dd if=/dev/zero bs=64k count=\(Self.megabytes * 16) conv=fsync >&3 && true")
        #expect((Self.blocks..<2 * Self.blocks).contains(writer.outputBlocks))

        let reader = try await script("dd iflag=nocache count=0 <&4 && dd bs=64k of=/dev/null <&4")
        #expect(reader.outputBlocks == 0)
        #expect(reader.inputBlocks >= Self.blocks)

        #expect(try await script("true").outputBlocks == 0)
    }
}
