/// A JSON object has a member that nobody reads.
///
/// It is refused and not passed over: a misspelt `account` must not make another account run, and a misspelt `until`
/// not make a grant one for ever.
struct UnknownMember: Error, CustomStringConvertible {
    /// Its name.
    let name: String

    /// What it is no member of, with an article.
    let object: String

    /// The members there are.
    let known: [String]

    /// The way to the object.
    let path: [any CodingKey]

    /// What is wrong, and what to write instead.
    var description: String {
        "\"\(name.printable())\" is no member of \(object); there are \(known.joined(separator: ", "))"
    }
}

extension Decoder {
    /// Refuses an object with members that are not in a list of keys.
    ///
    /// - Parameters:
    ///   - keys: The members there are.
    ///   - object: What the object is, with an article.
    /// - Throws: ``UnknownMember``, or `DecodingError` when it is no object.
    func refuseMembers<Keys>(besides keys: Keys.Type, of object: String) throws
    where Keys: CodingKey & CaseIterable {
        let known = keys.allCases.map(\.stringValue)
        let names = try container(keyedBy: MemberName.self).allKeys.map(\.stringValue)
        guard let unknown = names.sorted().first(where: { !known.contains($0) }) else { return }
        throw UnknownMember(name: unknown, object: object, known: known, path: codingPath)
    }
}

/// The name of any member.
private struct MemberName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) {
        self.stringValue = stringValue
    }

    init?(intValue: Int) {
        nil
    }
}
