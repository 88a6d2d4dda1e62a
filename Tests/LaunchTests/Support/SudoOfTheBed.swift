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

extension TestBed {
    /// The `sudo` of the machine; in the bed of an ordinary user a copy, since that of the machine belongs to nobody there.
    static let sudo = FilePath(variable("IMPERSONATION_TEST_BED_SUDO") ?? "/usr/bin/sudo")

    /// What the rules of the bed permit.
    static let launcher: FilePath = "/bed/bin/impersonation-launcher"
}
