import Glibc
import SystemPackage
import TrustedFiles

extension ConfigurationFileReader {
    /// Puts into words why the file is not read.
    func refusal(of problem: FileProblem) -> ConfigurationError {
        switch problem {
        case .untrustedOwner(let place, let facts):
            return untrustedOwner(place, facts)
        case .untrustedMode(let place, let facts):
            let shown = printable(place.string)
            return error(
                .untrusted,
                .untrustedMode,
                "\(state(of: facts, place)), so others than its owner can change whom jobs run as",
                "chmod go-w \(shown)"
            )
        case .hiddenDirectory(let place, let facts):
            return error(.unreadable, .unreadable, "\(state(of: facts, place))", "let everybody search it")
        case .symbolicLink(let place), .hardLinks(let place, _):
            return error(
                .unreadable,
                .notRegularFile,
                "\(printable(place.string)) is a link",
                "name the file itself, and remove its other names"
            )
        case .notRegular(_, let kind):
            return error(.unreadable, .notRegularFile, "it is \(kind.text)", "name a regular file")
        case .notDirectory(let place, let kind):
            return error(
                .unreadable,
                .notDirectory,
                "\(printable(place.string)) is \(kind.text)",
                "name a directory"
            )
        case .tooLarge(let limit):
            return error(
                .unreadable,
                .tooLarge,
                "it has more than \(limit) bytes",
                "name a configuration file; none is that large"
            )
        case .replaced(let place):
            return error(
                .unreadable,
                .changedWhileReading,
                "\(printable(place.string)) was replaced while it was opened",
                "load it again"
            )
        case .changedWhileReading:
            return error(
                .unreadable,
                .changedWhileReading,
                "the file was written to while it was read",
                "write a new file beside it and rename that over it"
            )
        case .missing(let place, isFromLink: false):
            return error(
                .notFound,
                .notFound,
                "\(printable(place.string)) does not exist",
                "create it, or name another file"
            )
        case .missing(let place, isFromLink: true):
            return error(
                .unreadable,
                .brokenLink,
                "a symbolic link leads to \(printable(place.string)), which does not exist",
                "correct the link, or remove it"
            )
        case .tooManyLinks(let place, let limit):
            return error(
                .unreadable,
                .brokenLink,
                "\(printable(place.string)) leads over more than \(limit) symbolic links",
                "point it at the file itself"
            )
        case .failed(let action, let place, let code):
            return error(
                .unreadable,
                .unreadable,
                "\(doing(action, place)) failed: \(code)",
                code == .permissionDenied
                    ? "let user id \(geteuid()) read it, or run as root" : "check the path and the file system"
            )
        }
    }

    private func untrustedOwner(_ place: FilePath, _ facts: FileFacts) -> ConfigurationError {
        let shown = printable(place.string)
        let owners = (demands.owners ?? []).sorted().map { $0 == 0 ? "root" : "user id \($0)" }
        return error(
            .untrusted,
            .untrustedOwner,
            "\(state(of: facts, place)), and only \(owners.joined(separator: " and ")) may decide whom jobs run as",
            facts.kind == .symbolicLink ? "chown -h root \(shown)" : "chown root \(shown)"
        )
    }

    private func state(of facts: FileFacts, _ place: FilePath) -> String {
        "\(printable(place.string)) is \(facts.kind.text) of user id \(facts.owner) with mode \(facts.octalPermissions)"
    }

    private func doing(_ action: FileProblem.Action, _ place: FilePath) -> String {
        let shown = printable(place.string)
        return switch action {
        case .find: "looking for \(shown)"
        case .lookAt: "looking at \(shown)"
        case .open: "opening \(shown)"
        case .read: "reading \(shown)"
        case .readLink: "reading the link \(shown)"
        case .findWorkingDirectory: "finding the working directory"
        }
    }

    /// An error with one diagnostic for the file as a whole.
    private func error(
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
