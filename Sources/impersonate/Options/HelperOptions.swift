import ArgumentParser
import Impersonation
import SystemPackage

/// Where the system helper is, and who it is.
struct HelperOptions: ParsableArguments {
    /// Where it listens unless somebody says otherwise, as its unit has it.
    static let usualSocket = "/run/impersonation/helper.sock"

    @Option(
        name: .customLong("helper-socket"),
        help: ArgumentHelp(
            "Where the system helper listens, for the backends helper and pam; \(usualSocket) unless set.",
            valueName: "path"
        )
    )
    var namedSocket: String?

    @Option(
        name: .customLong("helper-user"),
        help: ArgumentHelp(
            "The user id of the system helper, for the backends helper and pam; 0 unless set. Whoever else answers is not "
                + "believed.",
            valueName: "uid"
        )
    )
    var namedUser: UInt32?

    /// Where the helper listens.
    var socket: FilePath { FilePath(namedSocket ?? Self.usualSocket) }

    /// Who is believed to be the helper.
    var user: UInt32 { namedUser ?? 0 }

    /// The launcher.
    var launcher: SystemHelperLauncher { SystemHelperLauncher(socket: socket, helperUserIDs: [UserID(user)]) }

    /// Those of the options that were given.
    var given: [String] {
        (namedSocket == nil ? [] : ["--helper-socket"]) + (namedUser == nil ? [] : ["--helper-user"])
    }
}
