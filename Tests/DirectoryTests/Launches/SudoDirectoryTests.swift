import Foundation
import Impersonation
import SystemPackage
import Testing

/// `sudo` asks the name service itself: who calls it, who that is to become, and the groups of both.
@Suite("A directory behind sudo", .serialized, .timeLimit(.minutes(10)))
struct SudoDirectoryTests {
    /// Runs a script through `sudo` as a daemon without privileges, and compares what it writes.
    private static func expect(
        _ lines: [String],
        as name: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let identity = try #require(try await Site().resolve(name).identity, sourceLocation: sourceLocation)
        var command = Command(.path("/bin/sh"), arguments: ["-c", "id -un; id -u; id -g; id -G"])
        command.workingDirectory = .path("/")
        command.standardOutput = .captured(limit: 1 << 16)
        command.startDeadline = patience
        let process = try await SudoersRule.launcher.launch(command, as: identity)
        let text = try await process.exitReport().standardOutput?.text ?? ""
        var written = text.split(separator: "\n").map(String.init)
        let groups = written.popLast()?.split(separator: " ").sorted().joined(separator: " ")
        #expect(written + [groups ?? ""] == lines, sourceLocation: sourceLocation)
    }

    @Test(
        "knows the accounts of the domain by each of their names, and a rule for one of them is one for the account",
        .on(.winbind)
    )
    func winbindAccount() async throws {
        let rule = try SudoersRule(for: #"MYCORP\\someuser"#)
        defer { withExtendedLifetime(rule) {} }
        await #expect(processExitsWith: .success) {
            SudoersRule.becomeDaemon()
            for name in ["someuser@mycorp.test", #"MYCORP\someuser"#] {
                try await Self.expect([#"MYCORP\someuser"#, "11103", "10513", "10513 11103 11115 11116"], as: name)
            }
            // Whom no rule is for.
            let other = try #require(try await Site().resolve(#"MYCORP\okuser"#).identity)
            let error = await #expect(throws: LaunchError.self) {
                try await SudoersRule.launcher.launch(Command(.path("/bin/true")), as: other)
            }
            #expect(error?.code == .refused)
        }
        let daemon = SudoersRule.daemon
        for name in ["someuser@mycorp.test", #"MYCORP\someuser"#] {
            #expect(try await Control.sudo("-n", "-u", name, "id", "-un", asUserID: daemon) == "MYCORP\\someuser\n")
        }
        let unknown = try await Control.sudo("-n", "-u", #"MYCORP\nosuch"#, "id", "-un", asUserID: daemon)
        #expect(unknown.contains(#"unknown user MYCORP\nosuch"#), "\(unknown)")
    }

    @Test("knows the accounts of the domain, and a rule for one of them is one for the account (SSSD)", .on(.sssd))
    func accountOfSSSD() async throws {
        let rule = try SudoersRule(for: #"someuser\@mycorp.test"#)
        defer { withExtendedLifetime(rule) {} }
        await #expect(processExitsWith: .success) {
            SudoersRule.becomeDaemon()
            try await Self.expect(
                [
                    "someuser@mycorp.test", "1940601103", "1940600513",
                    "1940600513 1940601115 1940601116",
                ],
                as: "someuser@mycorp.test"
            )
        }
        let daemon = SudoersRule.daemon
        let name = try await Control.sudo("-n", "-u", #"MYCORP\someuser"#, "id", "-un", asUserID: daemon)
        #expect(name == "someuser@mycorp.test\n")
        let unknown = try await Control.sudo("-n", "-u", "nosuch@mycorp.test", "id", "-un", asUserID: daemon)
        #expect(unknown.contains("unknown user nosuch@mycorp.test"), "\(unknown)")
    }

    /// Launches as an account that the directory takes back meanwhile.
    private static func expectUnknown(_ place: String) async {
        await #expect(processExitsWith: .success) { [place = place as String] in
            SudoersRule.becomeDaemon()
            let identity = try #require(try await Site().resolve(#"MYCORP\someuser"#).identity)
            #expect(FileManager.default.createFile(atPath: place + ".known", contents: nil))
            while !FileManager.default.fileExists(atPath: place + ".gone") {
                try await Task.sleep(for: .milliseconds(5))
            }
            let error = await #expect(throws: LaunchError.self) {
                try await SudoersRule.launcher.launch(Command(.path("/bin/true")), as: identity)
            }
            #expect(error?.code == .refused)
            #expect(error?.sudoRefusal == .unknownAccount)
        }
    }

    @Test(
        "does not know whom the directory has taken back since: the launch is refused with that reason",
        .on(.winbind)
    )
    func unknown() async throws {
        let rule = try SudoersRule(for: #"MYCORP\\someuser"#)
        defer { withExtendedLifetime(rule) {} }
        let place = "/bed/tmp/account-\(UUID().uuidString)"
        let tested = Task { await Self.expectUnknown(place) }
        while !FileManager.default.fileExists(atPath: place + ".known") { try await Task.sleep(for: .milliseconds(5)) }
        try await Control.without("winbind", isFrozen: false) {
            #expect(FileManager.default.createFile(atPath: place + ".gone", contents: nil))
            await tested.value
        }
    }

    @Test(
        "that hangs holds sudo up, for local accounts too: the launch ends at its deadline, and sudo with it",
        .on(.winbind)
    )
    func hangs() async throws {
        try await Control.forget()
        let rule = try SudoersRule(for: "alice")
        defer { withExtendedLifetime(rule) {} }
        try await Control.without("winbind", isFrozen: true) {
            await #expect(processExitsWith: .success) {
                SudoersRule.becomeDaemon()
                var site = Site()
                site.deadline = impatience
                let alice = try #require(try await site.resolve("alice").identity)
                var command = Command(.path("/bin/true"))
                command.startDeadline = impatience
                let begin = ContinuousClock.now
                let error = await #expect(throws: LaunchError.self) {
                    try await SudoersRule.launcher.launch(command, as: alice)
                }
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.message.contains("look at the name service") == true, "\(error?.message ?? "")")
                #expect(error?.message.contains("could not be ended") == false, "\(error?.message ?? "")")
                #expect(ContinuousClock.now - begin < impatience + .seconds(20))
                #expect(try SudoersRule.processes() == [])
            }
            let left = try SudoersRule.processes()
            #expect(left == [])
        }
        await #expect(processExitsWith: .success) {
            SudoersRule.becomeDaemon()
            try await Self.expect(["alice", "2001", "2001", "2001 3001 3002"], as: "alice")
        }
    }
}
