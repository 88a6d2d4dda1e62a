import FoundationEssentials
import Glibc
public import Impersonation
public import SystemPackage

/// The grants of a small site: a JSON file with who may act as whom, read when the worker starts.
///
/// `[{"login": "alice", "account": "render_user", "until": "2027-01-01T00:00:00Z"}]`; `until` may be left out.
public enum GrantsFile {
    private struct Entry: Decodable {
        let login: String
        let account: String
        let until: Date?
    }

    /// Reads a file of grants into a registry.
    ///
    /// - Parameters:
    ///   - path: The file. It decides as whom jobs run, so it belongs to root or to the account of the worker, and
    ///     nobody else may write to it.
    ///   - syntax: How account names are spelt at this site.
    /// - Returns: The registry.
    /// - Throws: ``GrantsFileError`` with the entry and what is wrong with it.
    public static func registry(
        from path: FilePath,
        syntax: AccountNameSyntax
    ) async throws(GrantsFileError) -> InMemoryProxyRegistry {
        let registry = InMemoryProxyRegistry(source: .file(path))
        for (index, entry) in try entries(of: path).enumerated() {
            do {
                let login = try AccountName(entry.login, syntax: syntax)
                let account = try AccountName(entry.account, syntax: syntax)
                try await registry.add(Grant(login: login, account: account, until: entry.until))
            } catch {
                throw GrantsFileError(path: path, message: "entry \(index + 1): \(error)")
            }
        }
        return registry
    }

    private static func entries(of path: FilePath) throws(GrantsFileError) -> [Entry] {
        let number = unsafe path.withPlatformString {
            unsafe Glibc.open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        }
        guard number >= 0 else {
            throw GrantsFileError(path: path, message: "cannot be opened (\(Errno(rawValue: errno)))")
        }
        let file = FileDescriptor(rawValue: number)
        defer { try? file.close() }
        let facts: FileFacts
        let bytes: [UInt8]
        do throws(Errno) {
            facts = try file.facts()
            bytes = facts.kind == .regular ? try file.contents(limit: 1 << 20) : []
        } catch {
            throw GrantsFileError(path: path, message: "cannot be read (\(error))")
        }
        guard facts.kind == .regular, [0, geteuid()].contains(facts.owner.rawValue), facts.permissions & 0o022 == 0
        else {
            throw GrantsFileError(
                path: path,
                message: "must be a regular file of root or of the worker's account that nobody else can write"
            )
        }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        do {
            return try decoder.decode([Entry].self, from: Data(bytes))
        } catch {
            throw GrantsFileError(
                path: path,
                message: "is not a list like [{\"login\": \"alice\", \"account\": \"render\", "
                    + "\"until\": \"2027-01-01T00:00:00Z\"}]"
            )
        }
    }
}

/// A file of grants cannot be used.
public struct GrantsFileError: Error, Sendable, CustomStringConvertible {
    /// The file.
    public let path: FilePath

    /// What is wrong with it.
    public let message: String

    /// One line for a person.
    public var description: String { "\(path.string.printable()): \(message)" }
}
