import CLaunchPlan
import Faults
import Glibc
import Impersonation
import Testing

@testable import impersonate

@Suite("A terminal that is to be silent and cannot", .inTestBed)
struct SilentTerminalTests {
    /// Makes standard input a terminal of this process's own.
    private static func makeTerminal() throws {
        var (master, slave): (Int32, Int32) = (-1, -1)
        try #require(unsafe linux_terminal_create(&master, &slave, 25, 80) == 0)
        try #require(dup2(slave, STDIN_FILENO) == STDIN_FILENO && isatty(STDIN_FILENO) == 1)
    }

    private static func isIgnored(_ signal: Int32) -> Bool { ReceivedSignals.isIgnored(Signal(rawValue: signal)) }

    @Test("leaves the terminal and SIGPIPE as they were: the tool goes on without it", arguments: [false, true])
    func withoutDescriptor(_ ignores: Bool) async {
        await #expect(processExitsWith: .success) { [ignores = ignores as Bool] in
            signal(SIGPIPE, ignores ? SIG_IGN : SIG_DFL)
            try Self.makeTerminal()
            var former = termios()
            #expect(unsafe tcgetattr(STDIN_FILENO, &former) == 0)
            let always = fault_condition(comparison: Int32(FAULT_ALWAYS.rawValue), argument: 0, value: 0)
            #expect(unsafe fault_install(fault_system_call("signalfd4"), always, always, EMFILE) == 0)
            let error = #expect(throws: CredentialStoreError.self) { try SilentTerminal(prompt: "Password: ") }
            #expect(error?.message.contains("the terminal cannot be kept from showing the password") == true)
            #expect(Self.isIgnored(SIGPIPE) == ignores)
            var settings = termios()
            #expect(unsafe tcgetattr(STDIN_FILENO, &settings) == 0)
            #expect(settings.c_lflag == former.c_lflag)
        }
    }
}
