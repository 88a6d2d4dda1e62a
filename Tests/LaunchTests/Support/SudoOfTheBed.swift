import Glibc
import SystemPackage
import Testing

@testable import Impersonation

extension SudoLauncher {
    /// The launcher as the bed has it installed, with the `sudo` that works there.
    static func ofTheBed(
        profile: SudoProfile = .account,
        authentication: SudoAuthentication = .none,
        controlGroups: ControlGroups? = nil,
        signalsThroughSudo: Bool = true
    ) -> SudoLauncher {
        SudoLauncher(
            sudo: TestBed.sudo,
            launcher: TestBed.launcher,
            profile: profile,
            authentication: authentication,
            controlGroups: controlGroups,
            signalsThroughSudo: signalsThroughSudo
        )
    }
}

extension SudoLauncher {
    /// The same with sudo-rs.
    static func ofTheBedByRust(
        profile: SudoProfile = .account,
        authentication: SudoAuthentication = .none,
        controlGroups: ControlGroups? = nil,
        signalsThroughSudo: Bool = true
    ) -> SudoLauncher {
        SudoLauncher(
            sudo: TestBed.sudoRust ?? "/nonexistent/sudo-rs",
            launcher: TestBed.launcher,
            profile: profile,
            authentication: authentication,
            controlGroups: controlGroups,
            signalsThroughSudo: signalsThroughSudo
        )
    }
}

extension SudoAuthentication {
    /// A password that is there at once.
    static func text(_ password: String) -> SudoAuthentication {
        .password {
            var bytes = Array(password.utf8)
            return try? Secret(consumingBytes: &bytes)
        }
    }
}

extension Trait where Self == ConditionTrait {
    /// Runs the test only where the bed has sudo-rs, and the kernel tells what that does not.
    static var sudoRust: Self {
        .enabled(if: TestBed.hasSudoRust, "needs what make test fetches on Debian, and Linux 6.15: Scripts/sudo-rs")
    }
}

extension TestBed {
    /// sudo-rs, whose rules are in files of its own (`/etc/sudoers-rs`).
    static let sudoRust = variable("IMPERSONATION_TEST_BED_SUDO_RS").map { FilePath($0) }

    static let hasSudoRust = sudoRust != nil && KernelsWord.isTold

    /// The `sudo` of the machine; in the bed of an ordinary user a copy, since that of the machine belongs to nobody there.
    static let sudo = FilePath(variable("IMPERSONATION_TEST_BED_SUDO") ?? "/usr/bin/sudo")

    /// What the rules of the bed permit.
    static let launcher: FilePath = "/bed/bin/impersonation-launcher"
}
