import LaunchProtocol
import SystemPackage

/// Whether the service of PAM is one that jobs can have sessions of.
struct ServiceCheck {
    let service: String

    private static let check = "PAM service"

    /// Modules of directories, which have to be asked whether an account is disabled or expired.
    private static let directories = ["pam_winbind.so", "pam_sss.so", "pam_krb5.so", "pam_ldap.so"]

    /// Modules that refuse whatever the password is, and say so with the code of a wrong one.
    private static let gates = [
        "pam_faillock.so", "pam_succeed_if.so", "pam_listfile.so", "pam_access.so", "pam_time.so",
    ]

    /// A module as the check looks at it.
    private struct Module {
        let kind: String
        let control: String
        let name: String

        init(_ entry: ServiceFile.Entry) {
            (kind, control) = (entry.kind, entry.control)
            name = FilePath(entry.module).lastComponent?.string ?? ""
        }

        var isGate: Bool { ServiceCheck.gates.contains(name) }

        /// Whether nobody is asked for a password any more when it refuses.
        var endsAtOnce: Bool { isGate && control == "requisite" }
    }

    func findings() -> [Finding] {
        guard ServiceName.isValid(service.utf8) else {
            return [
                Finding(
                    Self.check,
                    .failed,
                    "\(service) is no name of a service",
                    remedy: "write small letters, digits, '-', '_' and '.'"
                )
            ]
        }
        let file = ServiceFile(of: service)
        let path = ServiceFile.directory.appending(service)
        guard !file.missing.contains(path) else {
            return [
                Finding(
                    Self.check,
                    .failed,
                    "\(path) cannot be read, so PAM takes the service other, which mostly refuses",
                    remedy: "install it (make install-helper), or set pam_service"
                )
            ]
        }
        let findings = problems(of: file, path)
        return findings.isEmpty ? [Finding(Self.check, .ok, "\(path) has what a session needs")] : findings
    }

    private func problems(of file: ServiceFile, _ path: FilePath) -> [Finding] {
        var findings = file.missing.map { missing in
            Finding(
                Self.check,
                .failed,
                "\(path) includes \(missing), which cannot be read",
                remedy: "install that file"
            )
        }
        if file.isCutShort {
            findings.append(
                Finding(
                    Self.check,
                    .failed,
                    "\(path) includes itself, or more than \(ServiceFile.filesMost) files: PAM crashes over a circle, and what is "
                        + "left out is not looked at here",
                    remedy: "take the include out that leads back, or write one file"
                )
            )
        }
        for kind in ["auth", "account", "session"] where !file.entries.contains(where: { $0.kind == kind }) {
            findings.append(
                Finding(
                    Self.check,
                    .failed,
                    "\(path) has no line for \(kind), so PAM takes those of the service other, which mostly refuse",
                    remedy: "write one"
                )
            )
        }
        let modules = file.entries.map(Module.init)
        if modules.contains(where: { $0.kind == "session" && $0.name == "pam_systemd.so" }) {
            findings.append(
                Finding(
                    Self.check,
                    .warning,
                    "\(path) has pam_systemd, which moves jobs out of the cgroup that they are ended by",
                    remedy: "take it out"
                )
            )
        }
        // Those that refuse in front of everybody who asks for the password have not seen it.
        let gates = modules.filter { $0.kind == "auth" }.drop(while: \.endsAtOnce)
        if let gate = gates.first(where: \.isGate)?.name {
            findings.append(
                Finding(
                    Self.check,
                    .warning,
                    "in \(path) \(gate) is asked for authentication: what it refuses looks like a wrong password, so that a right one is "
                        + "given up",
                    remedy: "move it to account, or put it in front as requisite"
                )
            )
        }
        let keepsTicketsInKeyring = file.entries.contains { entry in
            entry.kind == "auth" && FilePath(entry.module).lastComponent?.string == "pam_winbind.so"
                && entry.arguments.contains { $0.hasPrefix("krb5_ccache_type=KEYRING") }
        }
        if keepsTicketsInKeyring {
            findings.append(
                Finding(
                    Self.check,
                    .warning,
                    "in \(path) pam_winbind keeps tickets in the keyring: a wrong password takes them from all jobs of the account",
                    remedy: "set krb5_ccache_type=FILE"
                )
            )
        }
        if modules.contains(where: { $0.kind == "auth" && $0.name == "pam_krb5.so" }) {
            findings.append(
                Finding(
                    Self.check,
                    .warning,
                    "in \(path) pam_krb5 is asked for authentication: of an account that is locked or disabled it says that its password is "
                        + "wrong, so that a right one is given up",
                    remedy:
                        "take pam_sss with Kerberos, which says otherwise, or register the password again afterwards"
                )
            )
        }
        let accounts = modules.filter { $0.kind == "account" }.map(\.name).drop { $0 != "pam_unix.so" }
        if let directory = accounts.first(where: Self.directories.contains) {
            findings.append(
                Finding(
                    Self.check,
                    .warning,
                    "in \(path) pam_unix may answer for accounts of a directory before \(directory) is asked whether they are "
                        + "disabled or expired",
                    remedy: "let \(directory) stand alone for such accounts"
                )
            )
        }
        return findings
    }
}
