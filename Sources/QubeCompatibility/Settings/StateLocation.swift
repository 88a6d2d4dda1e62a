/// The value of `state`: the URL of the store that is to keep credentials, grants and bindings.
///
/// Read and checked; nothing in this version keeps anything there. The program that embeds the library gives its resolver a
/// `ProxyRegistry` and its launcher a `CredentialStore`, and may take this URL for stores of its own.
///
/// `sqlite:///absolute/path`, `postgresql://host/database` or `memory:`. The URL of a server may contain a password;
/// descriptions and reflection show it without.
public struct StateLocation: Sendable, Hashable {
    /// The URL as written, a password included: for the store that opens it, not for messages.
    public let url: String

    init(url: String) {
        self.url = url
    }

    /// The part before the first colon: `sqlite`, `postgresql` or `memory`.
    public var scheme: String { String(url.unicodeScalars.prefix { $0 != ":" }) }

    /// The path of an SQLite database, or `nil` for another kind of store.
    public var databasePath: String? {
        guard scheme == "sqlite" else { return nil }
        return String(url.dropFirst("sqlite://".count))
    }
}

extension StateLocation: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The URL, with `***` for a password before the host, and without its query.
    ///
    /// libpq also takes `password=` in the query of a URL, so nothing of the query is shown.
    public var description: String {
        // Scalars and not characters: some letters join the sign next to them, which would then not be found.
        let url = self.url.unicodeScalars
        let beforeQuery = url.prefix { $0 != "?" }
        let ending = beforeQuery.count == url.count ? "" : "?***"
        // Where a password contains a question mark that nobody encoded, there is no telling where the query begins.
        guard !url.dropFirst(beforeQuery.count).contains("@") else { return "\(scheme)://***" }
        // The last `@` counts: a password may contain one that nobody encoded.
        guard let at = beforeQuery.lastIndex(of: "@") else { return String(beforeQuery) + ending }
        let userInformation = beforeQuery[..<at]
        let afterScheme = userInformation.dropFirst(scheme.unicodeScalars.count + "://".count)
        guard afterScheme.contains(":") else { return String(beforeQuery) + ending }
        return "\(scheme)://\(String(afterScheme.prefix { $0 != ":" })):***\(String(beforeQuery[at...]))\(ending)"
    }

    /// Whether the URL contains a password.
    var holdsSecret: Bool { description != url }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// A mirror without children, so that `dump` shows no password either.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
