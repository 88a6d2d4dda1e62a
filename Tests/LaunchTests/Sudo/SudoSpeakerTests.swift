import CLaunchPlan
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("Who speaks to a daemon behind sudo", .testBed)
struct SudoSpeakerTests {
    /// What is counted when this process writes, where `sudo` and the account are said to be these.
    private static func prompts(
        from sudo: Int32,
        of account: UInt32,
        writing parts: (_ prompt: String) -> [String] = { [$0, $0] }
    ) throws -> Int {
        let socket = try SudoSocket(of: account)
        let messages = SudoMessages(socket, of: account, on: try Reactor.shared(for: .streams))
        defer { messages.close() }
        messages.start(from: sudo)
        for part in parts(messages.prompt) {
            let bytes = Array(part.utf8)
            #expect(unsafe send(socket.launcher.rawValue, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
            while linux_stream_waiting(socket.daemon.rawValue) > 0 { sched_yield() }
        }
        _ = messages.text
        return messages.prompts
    }

    @Test("is sudo only when the kernel says that it is that process, and not yet the account")
    func messages() throws {
        #expect(try Self.prompts(from: getpid(), of: 2001) == 2)
        #expect(try Self.prompts(from: getppid(), of: 2001) == 0)
        #expect(try Self.prompts(from: getpid(), of: getuid()) == 0)
    }

    @Test(
        "is understood behind a banner of any length, and in pieces",
        arguments: [0, 1, 4_095, 4_096, 8_191, 8_192, 20_000, 500_000]
    )
    func banner(_ length: Int) throws {
        let banner = String(repeating: "=", count: length)
        for cut in [1, 20, 30] {
            let found = try Self.prompts(from: getpid(), of: 2001) { prompt in
                let pieces = [banner + prompt.prefix(cut), String(prompt.dropFirst(cut)), banner, prompt + "x"]
                return pieces.flatMap { piece in
                    stride(from: 0, to: piece.count, by: 4_000).map { String(piece.dropFirst($0).prefix(4_000)) }
                }
            }
            #expect(found == 2, "\(cut)")
        }
    }

    @Test(
        "is not sudo when the account says why sudo refuses",
        arguments: ["is not in the sudoers file", "unknown user"]
    )
    func refusals(_ phrase: String) async throws {
        let place = try StandIn.install("echo 'sudo: alice \(phrase)' >&2; exit 1")
        await #expect(processExitsWith: .success) { [place = place as String, phrase = phrase as String] in
            becomeDaemon(999)
            let launcher = SudoLauncher(sudo: TestBed.sudo, launcher: FilePath(place))
            let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
            #expect(error.sudoRefusal == .other)
            #expect(error.message.contains(phrase), "what was written is shown all the same")
        }
    }

    @Test("is no launcher that has got the socket and is not below this sudo, whoever it runs as")
    func stranger() async throws {
        let place = try StandIn.install(
            """
            exec 3<&0
            (setsid sh -c 'until [ "$(cut -d" " -f4 /proc/$$/stat)" = 1 ]; do :; done
                exec \(TestBed.launcher) run /bin/true <&3' &)
            exec cat <&3
            """
        )
        await #expect(processExitsWith: .success) { [place = place as String] in
            becomeDaemon(999)
            let launcher = SudoLauncher(sudo: TestBed.sudo, launcher: FilePath(place))
            let error = try await launchError(Command(.path("/bin/true")), as: TestBed.alice.identity, launcher)
            #expect(error.code == .verificationFailed, "\(error)")
            #expect(error.message.contains("not started by this sudo"))
        }
    }
}
