public import SystemPackage

/// A group as a rule names it: by its name, or by its number.
public enum GroupReference: Sendable, Hashable {
    /// The group that has this name in the directory.
    case named(String)

    /// The group of this id, whether or not the directory knows it.
    case id(GroupID)

    /// Reads a group: digits are an id, everything else is a name.
    ///
    /// - Parameter text: A name or an id. Empty texts and numbers that are no group id make `nil`.
    public init?(_ text: String) {
        guard !text.isEmpty else { return nil }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            self = .named(text)
            return
        }
        guard let number = UInt32(text), !ReservedIDRule.reserved.contains(number) else { return nil }
        self = .id(GroupID(rawValue: number))
    }

    /// The id of the group, or `nil` when the directory knows no group of that name.
    func id(in directory: any AccountDirectory) async throws(AccountDirectoryError) -> GroupID? {
        switch self {
        case .id(let id): id
        case .named(let name): try await directory.groupID(named: name, freshness: .cached)
        }
    }
}

extension GroupReference: CustomStringConvertible {
    /// The name, or the id in digits.
    public var description: String {
        switch self {
        case .named(let name): name.printable()
        case .id(let id): String(id.rawValue)
        }
    }
}
