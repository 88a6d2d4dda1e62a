import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The descriptors of a job", .testBed)
struct DescriptorTests {
    @Test("are 0, 1 and 2, whatever the daemon has open", arguments: everyIsolation)
    func onlyTheStandardStreams(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            for _ in 0..<500 {
                // Without close-on-exec, as careless libraries open them.
                #expect(unsafe open("/etc/passwd", O_RDONLY) >= 0)
            }
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let report = try await runProbe(as: TestBed.alice.identity, isolation)
            #expect(report.descriptors.map(\.number) == [0, 1, 2])
        }
    }

    @Test("are 0, 1 and 2 when other threads open files all the time", arguments: everyIsolation)
    func threadsThatOpenFiles(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let person = try await TestBed.alice.identity
            let opener = Task.detached {
                while !Task.isCancelled {
                    let descriptors = (0..<20).map { _ in unsafe open("/etc/group", O_RDONLY) }
                    for descriptor in descriptors { close(descriptor) }
                    await Task.yield()
                }
            }
            // Only a job that has more than it should prints anything.
            let script = #"for f in /proc/self/fd/*; do case ${f##*/} in 0|1|2|3|255) ;; *) ls -l $f ;; esac; done"#
            for _ in 0..<200 {
                let result = try await runScript(script, as: person, SetUIDLauncher(isolation: isolation))
                #expect(result.text.isEmpty)
            }
            opener.cancel()
            await opener.value
        }
    }

    @Test("are never missing: a stream that goes nowhere is /dev/null", arguments: everyIsolation)
    func streamsThatGoNowhere(_ isolation: SetUIDLauncher.Isolation) async throws {
        let output = freshPath("probe-output")
        let report = try await {
            var command = Command(.path(FilePath(TestBed.probe)), arguments: ["--output", output.string])
            command.standardInput = .null
            let process = try await SetUIDLauncher(isolation: isolation)
                .launch(patient(command), as: TestBed.alice.identity)
            #expect(try await process.exitReport().status == .exited(0))
            return try ProbeReport(json: Array(ProcFile.read(output).utf8))
        }()
        for number: Int32 in 0...2 {
            #expect(report.descriptor(number)?.target == "/dev/null")
        }
        #expect(report.descriptor(0)?.access == "read")
        #expect(report.descriptor(1)?.access == "write")
    }

    @Test("are complete even when the daemon has closed its own", arguments: everyIsolation)
    func daemonWithoutStreams(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        let output = freshPath("closed-daemon").string
        await #expect(processExitsWith: .success) { [isolation = isolation as String, output = output as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let person = try await TestBed.alice.identity
            close(STDIN_FILENO)
            var command = Command(.path(FilePath(TestBed.probe)), arguments: ["--output", output])
            command.standardInput = .inherit
            command.standardOutput = .null
            let process = try await SetUIDLauncher(isolation: isolation).launch(patient(command), as: person)
            #expect(try await process.exitReport().status == .exited(0))
            let report = try ProbeReport(json: Array(ProcFile.read(FilePath(output)).utf8))
            #expect(report.descriptors.map(\.number) == [0, 1, 2])
            #expect(report.descriptor(0)?.target == "/dev/null")
        }
    }

    @Test("are never what the daemon has opened in the place of one that it closed", arguments: everyIsolation)
    func reusedNumber(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        let secret = freshPath("daemons-own").string
        let output = freshPath("reused").string
        await #expect(processExitsWith: .success) {
            [isolation = isolation as String, output = output as String, secret = secret as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let person = try await TestBed.alice.identity
            close(STDIN_FILENO)
            let own = try FileDescriptor.open(
                FilePath(secret),
                .readWrite,
                options: [.create, .closeOnExec],
                permissions: .ownerReadWrite
            )
            #expect(own.rawValue == STDIN_FILENO)
            var command = Command(.path(FilePath(TestBed.probe)), arguments: ["--output", output])
            command.standardInput = .inherit
            let process = try await SetUIDLauncher(isolation: isolation).launch(patient(command), as: person)
            #expect(try await process.exitReport().status == .exited(0))
            let report = try ProbeReport(json: Array(ProcFile.read(FilePath(output)).utf8))
            #expect(report.descriptor(0)?.target == "/dev/null")
        }
    }

    @Test("cost the daemon none: after a hundred launches it has as many as before", arguments: everyIsolation)
    func noLeak(_ isolation: SetUIDLauncher.Isolation) async throws {
        let isolation = isolation.rawValue
        await #expect(processExitsWith: .success) { [isolation = isolation as String] in
            let isolation = try #require(SetUIDLauncher.Isolation(rawValue: isolation))
            let launcher = SetUIDLauncher(isolation: isolation)
            let person = try await TestBed.alice.identity
            _ = try await runScript("exit 0", as: person, launcher)
            let before = try await openDescriptorCount()
            for _ in 0..<100 {
                _ = try await runScript("echo x; exit 3", as: person, launcher)
            }
            _ = try await launchError(Command(.path("/nonexistent")), as: person, launcher)
            // What one launch leaks, a hundred leak a hundred times; the runtime may have opened one of its own.
            #expect(try await openDescriptorCount() < before + 10)
            #expect(!hasChildren())
        }
    }
}
