import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("The command line of sudo")
struct SudoInvocationTests {
    private func invocation(_ profile: SudoProfile, name: String = "alice") -> SudoInvocation {
        SudoInvocation(
            sudo: "/usr/bin/sudo",
            launcher: "/usr/libexec/launcher",
            profile: profile,
            userID: 2001,
            groupID: 2002,
            name: name
        )
    }

    private let job = SudoInvocation.Purpose.job(program: "/bin/echo", arguments: ["a b", "$HOME;id", "-e", "--"])

    @Test("names the account by number, ends the options, and leaves arguments alone")
    func account() {
        #expect(
            invocation(.account).arguments(for: job) == [
                "/usr/bin/sudo", "-n", "-H", "-u", "#2001", "--", "/usr/libexec/launcher", "run", "/bin/echo", "a b",
                "$HOME;id", "-e", "--",
            ]
        )
    }

    @Test("names the group only when it is told to")
    func group() {
        var profile = SudoProfile.account
        profile.namesGroup = true
        #expect(
            invocation(profile).arguments(for: job).prefix(8)
                == ["/usr/bin/sudo", "-n", "-H", "-u", "#2001", "-g", "#2002", "--"]
        )
    }

    @Test("does not change with the name of the account", arguments: ["-e", "--", "#0", "-u root", "a;b", "%wheel"])
    func names(_ name: String) {
        for profile in [SudoProfile.account, .restricted, .login] {
            #expect(invocation(profile, name: name).arguments(for: job) == invocation(profile).arguments(for: job))
        }
    }

    @Test("puts nothing of the job into a command line that passes a shell")
    func shells() {
        #expect(
            invocation(.login).arguments(for: job)
                == ["/usr/bin/sudo", "-n", "-H", "-i", "-u", "#2001", "--", "/usr/libexec/launcher", "session"]
        )
        #expect(
            invocation(.substitute()).arguments(for: job)
                == [
                    "/usr/bin/sudo", "-n", "--", "/usr/bin/su", "-", "alice", "-c",
                    "exec /usr/libexec/launcher session",
                ]
        )
    }

    @Test("is not made where su would read the name as an option, or a shell the path of the launcher")
    func problems() {
        for name in ["-e", "--", "-", ""] { #expect(invocation(.substitute(), name: name).problem != nil) }
        #expect(invocation(.substitute()).problem == nil)
        #expect(invocation(.account, name: "-e").problem == nil)
        var odd = SudoInvocation(
            sudo: "/usr/bin/sudo",
            launcher: "/opt/our tools/launcher",
            profile: .login,
            userID: 1,
            groupID: 1,
            name: "alice"
        )
        #expect(odd.problem != nil)
        odd = SudoInvocation(
            sudo: "/usr/bin/sudo",
            launcher: "/opt/our tools/launcher",
            profile: .account,
            userID: 1,
            groupID: 1,
            name: "alice"
        )
        #expect(odd.problem == nil)
    }

    @Test("asks with a prompt of its own, once, and without what is remembered")
    func password() {
        #expect(
            invocation(.account).arguments(for: job, .password(prompt: "[x] ")).prefix(6)
                == ["/usr/bin/sudo", "-S", "-k", "-p", "[x] ", "-H"]
        )
    }

    @Test("says which sudo it is")
    func flavours() {
        typealias Flavour = SudoProgram.Flavour
        #expect(Flavour(version: "Sudo version 1.9.13p3\nSudoers policy plugin\n") == .original("1.9.13p3"))
        #expect(Flavour(version: "sudo-rs 0.2.5\n") == .rust("0.2.5"))
        #expect(Flavour(version: "\u{1b}[31mdoas") == .unknown("\\u001b[31mdoas"))
    }
}
