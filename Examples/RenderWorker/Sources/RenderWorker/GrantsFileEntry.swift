import FoundationEssentials
import SystemPackage

/// One grant as JSON has it, before anybody has looked at the names.
struct GrantsFileEntry: Decodable {
    let login: String
    let account: String
    let until: Date?

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case login
        case account
        case until
    }

    /// Reads the members, and refuses what could have been meant to restrict the grant and does not.
    init(from decoder: any Decoder) throws {
        try decoder.refuseMembers(besides: CodingKeys.self, of: "a grant")
        let members = try decoder.container(keyedBy: CodingKeys.self)
        login = try members.decode(String.self, forKey: .login)
        account = try members.decode(String.self, forKey: .account)
        // An end that is null was to be one; only one that is not there is none.
        until = members.contains(.until) ? try Self.end(in: members) : nil
    }

    private static func end(in members: KeyedDecodingContainer<CodingKeys>) throws -> Date {
        do {
            return try members.decode(Date.self, forKey: .until)
        } catch DecodingError.dataCorrupted {
            // The decoder says that of a date without saying of which.
            throw DecodingError.dataCorruptedError(forKey: .until, in: members, debugDescription: "no time")
        }
    }

    /// Reads the contents of a file.
    ///
    /// - Throws: ``GrantsFileError`` with the entry and its member.
    static func read(_ text: String, of path: FilePath) throws(GrantsFileError) -> [GrantsFileEntry] {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        do {
            return try decoder.decode([GrantsFileEntry].self, from: Data(text.utf8))
        } catch let error as UnknownMember {
            throw failure(path, error.path, "\(error)")
        } catch DecodingError.keyNotFound(let key, let context) {
            throw failure(path, context.codingPath, "\"\(key.stringValue)\" is missing")
        } catch DecodingError.typeMismatch(let type, let context) {
            throw failure(path, context.codingPath, "is not of the type \(type)")
        } catch DecodingError.valueNotFound(_, let context) {
            throw failure(path, context.codingPath, "is null; write a value, or leave out what need not be there")
        } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
            throw failure(path, context.codingPath, "is no time like 2027-01-01T00:00:00Z")
        } catch {
            throw failure(path, [], "is not JSON")
        }
    }

    private static func failure(_ path: FilePath, _ place: [any CodingKey], _ text: String) -> GrantsFileError {
        guard let entry = place.first?.intValue else {
            return GrantsFileError(
                path: path,
                message: "\(text): write a list like [{\"login\": \"alice\", \"account\": \"render\", "
                    + "\"until\": \"2027-01-01T00:00:00Z\"}]"
            )
        }
        let member = place.dropFirst().map { "\"\($0.stringValue)\" " }.joined()
        return GrantsFileError(path: path, message: "entry \(entry + 1): \(member)\(text)")
    }
}
