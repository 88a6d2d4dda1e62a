import FoundationEssentials

/// The members of a job file as JSON has them, before anybody has looked at their values.
struct JobFileMembers: Decodable {
    let spool: String
    let login: String?
    let account: String?
    let command: [String]
    let name: String?
    let environment: [String: String]?
    let nice: Int?
    let workingDirectory: String?

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case spool
        case login
        case account
        case command
        case name
        case environment
        case nice
        case workingDirectory = "working_directory"
    }

    /// Reads the members, and refuses what it does not know.
    init(from decoder: any Decoder) throws {
        try decoder.refuseMembers(besides: CodingKeys.self, of: "a job file")
        let members = try decoder.container(keyedBy: CodingKeys.self)
        spool = try members.decode(String.self, forKey: .spool)
        login = try members.decodeIfPresent(String.self, forKey: .login)
        account = try members.decodeIfPresent(String.self, forKey: .account)
        command = try members.decode([String].self, forKey: .command)
        name = try members.decodeIfPresent(String.self, forKey: .name)
        environment = try members.decodeIfPresent([String: String].self, forKey: .environment)
        nice = try members.decodeIfPresent(Int.self, forKey: .nice)
        workingDirectory = try members.decodeIfPresent(String.self, forKey: .workingDirectory)
    }

    /// Reads the contents of a file.
    static func read(_ bytes: [UInt8]) throws(JobDescriptionError) -> JobFileMembers {
        guard bytes.count <= JobDescription.maximumSize else {
            throw JobDescriptionError(message: "the file is larger than \(JobDescription.maximumSize) bytes")
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw JobDescriptionError(message: "the file is not UTF-8")
        }
        do {
            return try JSONDecoder().decode(JobFileMembers.self, from: Data(bytes))
        } catch let error as UnknownMember {
            throw JobDescriptionError(message: "\(error)")
        } catch DecodingError.keyNotFound(let key, _) {
            throw JobDescriptionError(message: "\"\(key.stringValue)\" is missing")
        } catch DecodingError.typeMismatch(let type, let context) {
            let member = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw JobDescriptionError(
                message: member.isEmpty
                    ? "the file holds no JSON object" : "\"\(member.printable())\" is not of the type \(type)"
            )
        } catch {
            throw JobDescriptionError(
                message: "the file is not JSON: write one object, {\"spool\": \"/...\", \"command\": [...]}"
            )
        }
    }
}
