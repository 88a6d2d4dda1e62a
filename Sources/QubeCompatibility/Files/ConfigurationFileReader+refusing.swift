import Glibc
import SystemPackage

extension ConfigurationFileReader {
    /// Refuses what somebody who is not trusted owns or can write.
    func requireTrust(_ facts: FileFacts, _ place: FilePath) throws(ConfigurationError) {
        guard trust == .trusted else { return }
        let shown = printable(place.string)
        let state = "\(shown) is \(facts.kind.text) of user id \(facts.owner) with mode \(facts.octalPermissions)"
        guard trustedOwners.contains(facts.owner) else {
            let owners = trustedOwners.sorted().map { $0 == 0 ? "root" : "user id \($0)" }
            throw error(
                .untrusted,
                .untrustedOwner,
                "\(state), and only \(owners.joined(separator: " and ")) may decide whom jobs run as",
                facts.kind == .symbolicLink ? "chown -h root \(shown)" : "chown root \(shown)"
            )
        }
        // The mode of a symbolic link means nothing: symlink(7).
        guard facts.kind != .symbolicLink, facts.permissions & (S_IWGRP | S_IWOTH) != 0 else { return }
        if facts.kind == .directory, facts.permissions & S_ISVTX != 0 { return }
        throw error(
            .untrusted,
            .untrustedMode,
            "\(state), so others than its owner can change whom jobs run as",
            "chmod go-w \(shown)"
        )
    }

    /// Something other than a regular file.
    func notRegular(_ kind: FileFacts.Kind) -> ConfigurationError {
        error(.unreadable, .notRegularFile, "it is \(kind.text)", "name a regular file")
    }

    /// Something other than a directory.
    func notDirectory(_ kind: FileFacts.Kind, _ place: FilePath) -> ConfigurationError {
        error(.unreadable, .notDirectory, "\(printable(place.string)) is \(kind.text)", "name a directory")
    }

    /// More bytes than any configuration has.
    func tooLarge() -> ConfigurationError {
        error(
            .unreadable,
            .tooLarge,
            "it has more than \(Self.maximumSize) bytes",
            "name a configuration file; none is that large"
        )
    }

    /// The name was given to another file between looking and opening.
    func replaced(_ place: FilePath) -> ConfigurationError {
        error(
            .unreadable,
            .changedWhileReading,
            "\(printable(place.string)) was replaced while it was opened",
            "load it again"
        )
    }

    /// A component of the path could not be opened.
    func missing(_ place: FilePath, isFromLink: Bool, _ code: Int32) -> ConfigurationError {
        guard code == ENOENT else {
            return systemError("looking for \(printable(place.string))", code)
        }
        guard isFromLink else {
            return error(
                .notFound,
                .notFound,
                "\(printable(place.string)) does not exist",
                "create it, or name another file"
            )
        }
        return error(
            .unreadable,
            .brokenLink,
            "a symbolic link leads to \(printable(place.string)), which does not exist",
            "correct the link, or remove it"
        )
    }

    /// A system call failed.
    func systemError(_ doing: String, _ code: Int32) -> ConfigurationError {
        error(
            .unreadable,
            .unreadable,
            "\(doing) failed: \(Errno(rawValue: code))",
            code == EACCES
                ? "let user id \(geteuid()) read it, or run as root" : "check the path and the file system"
        )
    }

    /// An error with one diagnostic for the file as a whole.
    func error(
        _ code: ConfigurationError.Code,
        _ diagnosticCode: ConfigurationDiagnostic.Code,
        _ text: String,
        _ remedy: String
    ) -> ConfigurationError {
        ConfigurationError(code, file: file, diagnostics: [diagnostic(diagnosticCode, line: nil, text, remedy)])
    }

    /// A diagnostic about the file.
    func diagnostic(
        _ code: ConfigurationDiagnostic.Code,
        line: Int?,
        _ text: String,
        _ remedy: String
    ) -> ConfigurationDiagnostic {
        ConfigurationDiagnostic(.error, code, file: file, line: line, text: text, remedy: remedy)
    }
}
