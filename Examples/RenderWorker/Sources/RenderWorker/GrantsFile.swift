public import Impersonation
import QubeCompatibility
public import SystemPackage

/// The grants of a small site: a JSON file with who may act as whom, read when the worker starts.
///
/// `[{"login": "alice", "account": "render_user", "until": "2027-01-01T00:00:00Z"}]`; `until` may be left out, and no
/// other member is known.
public enum GrantsFile {
    /// Reads a file of grants into a registry.
    ///
    /// The call blocks for as long as the file system does; it belongs to the start of a worker.
    ///
    /// - Parameters:
    ///   - path: The file. It decides as whom jobs run, so nobody but root and the account of the worker may be able to
    ///     write to it or to exchange anything on the way to it.
    ///   - naming: How account names are spelt at this site, and what a bare one means.
    /// - Returns: The registry.
    /// - Throws: ``GrantsFileError`` with the entry and what is wrong with it.
    public static func registry(
        from path: FilePath,
        naming: AccountNaming
    ) async throws(GrantsFileError) -> InMemoryProxyRegistry {
        let text: String
        do throws(ConfigurationError) {
            text = try TrustedPath.text(of: path)
        } catch {
            let reasons = error.diagnostics.map { "\($0.text); \($0.remedy)" }
            throw GrantsFileError(path: path, message: reasons.joined(separator: "; "))
        }
        let registry = InMemoryProxyRegistry(source: .file(path))
        var entries: [Pair: Int] = [:]
        for (index, entry) in try GrantsFileEntry.read(text, of: path).enumerated() {
            do {
                // The registry compares names as they are written, so each is written in full: `alice` and
                // `MYCORP\alice` may be one account.
                let login = try naming.qualified(AccountName(entry.login, syntax: naming.syntax))
                let account = try naming.qualified(AccountName(entry.account, syntax: naming.syntax))
                if let earlier = entries.updateValue(index, forKey: Pair(login: login, account: account)) {
                    throw Duplicate(description: "is entry \(earlier + 1) again, \(login) as \(account); keep one")
                }
                try await registry.add(Grant(login: login, account: account, until: entry.until))
            } catch {
                throw GrantsFileError(path: path, message: "entry \(index + 1): \(error)")
            }
        }
        return registry
    }

    /// Two entries for one pair, of which the registry would keep the later, perhaps the one without an end.
    private struct Duplicate: Error, CustomStringConvertible {
        let description: String
    }

    /// Who, as whom.
    private struct Pair: Hashable {
        let login: AccountName
        let account: AccountName
    }
}
