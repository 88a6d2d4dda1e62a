package import SystemPackage
package import TrustedFiles

extension PolicyFile {
    /// Reads and parses a policy that root alone can have put where it is.
    ///
    /// - Parameters:
    ///   - path: The file, absolute.
    ///   - hook: Called at the moments at which somebody could interfere, so that a test can.
    /// - Returns: The text, read as settings.
    /// - Throws: ``PolicyError``.
    package static func read(
        _ path: FilePath,
        hook: (TrustedFile.Moment) -> Void = { _ in }
    ) throws(PolicyError) -> PolicyFile {
        guard path.isAbsolute, !path.components.contains(where: { $0.kind != .regular }) else {
            throw PolicyError(
                PolicyProblem(
                    .untrusted,
                    path,
                    line: nil,
                    "the path is not absolute, or has a component '.' or '..'",
                    "name the policy by its absolute path"
                )
            )
        }
        let file: TrustedFile
        do throws(FileProblem) {
            file = try TrustedFile.read(path, demanding: .rootAlone, limit: maximumSize, hook: hook)
        } catch {
            throw PolicyError(problem(error, path))
        }
        return try PolicyFile(parsing: file.bytes, from: path)
    }

    private static func problem(_ problem: FileProblem, _ path: FilePath) -> PolicyProblem {
        func complaint(_ code: PolicyProblem.Code, _ text: String, _ remedy: String) -> PolicyProblem {
            PolicyProblem(code, path, line: nil, text, remedy)
        }
        let shown = problem.place.map(\.string.onOneLine) ?? ""
        switch problem {
        case .untrustedOwner(_, let facts):
            return complaint(
                .untrusted,
                "\(shown) is \(facts.kind.text) of user id \(facts.owner), and only root may say what the helper does",
                facts.kind == .symbolicLink ? "name the policy itself" : "chown root \(shown)"
            )
        case .untrustedMode(_, let facts):
            return complaint(
                .untrusted,
                "\(shown) is \(facts.kind.text) with mode \(facts.octalPermissions), so others than root can change "
                    + "what the helper does",
                "chmod go-w \(shown)"
            )
        case .hiddenDirectory(_, let facts):
            return complaint(.untrusted, "\(shown) has mode \(facts.octalPermissions)", "chmod o+x \(shown)")
        case .symbolicLink:
            return complaint(.untrusted, "\(shown) is a symbolic link", "name the policy itself")
        case .hardLinks(_, let count):
            return complaint(
                .untrusted,
                "\(shown) has \(count) names, and whoever made the others may keep an old policy",
                "copy it to a new file and rename that over it"
            )
        case .notRegular(_, let kind), .notDirectory(_, let kind):
            return complaint(.unreadable, "\(shown) is \(kind.text)", "name a regular file")
        case .tooLarge:
            return tooLarge(path, line: nil)
        case .replaced:
            return complaint(
                .changedWhileReading,
                "\(shown) was replaced while it was opened",
                "start the helper again"
            )
        case .changedWhileReading:
            return complaint(
                .changedWhileReading,
                "the file was written to while it was read",
                "write a new file beside it and rename that over it"
            )
        case .missing:
            return complaint(.unreadable, "\(shown) does not exist", "create it, or name another file")
        case .tooManyLinks:
            return complaint(.untrusted, "\(shown) leads over too many symbolic links", "name the policy itself")
        case .failed(_, _, let code):
            return complaint(.unreadable, "\(shown) cannot be read: \(code)", "check the path and the file system")
        }
    }
}
