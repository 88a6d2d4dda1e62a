import Impersonation
import SystemPackage
import Testing

/// What a login means on a machine with a local account `okuser`, where the domain has one too.
struct Namesake: Sendable, CustomTestStringConvertible {
    let login: String
    var hostDomain: String?
    var visibleDomains: [String] = []
    let name: String
    let userID: UInt32
    let groups: [UInt32]

    var testDescription: String { "\(login), host domain \(hostDomain ?? "none"), visible \(visibleDomains)" }

    /// That it is this account, and that a job of it has the account's ids and no other groups, as it sees itself.
    func expectJob() async throws {
        let resolution = try await Site(hostDomain: hostDomain, visibleDomains: visibleDomains).resolve(login)
        let identity = try #require(resolution.identity, "\(resolution.message)")
        #expect(identity.account.name.spelling == name)
        #expect(identity.account.userID.rawValue == userID)
        #expect(identity.account.groupNumbers == groups)
        for isolation in SetUIDLauncher.Isolation.allCases {
            let launcher = SetUIDLauncher(isolation: isolation)
            let process = try await launcher.launch(SessionHelper.command("id -u; id -G; id -un"), as: identity)
            let text = try await process.exitReport().standardOutput?.text ?? ""
            let lines = text.split(separator: "\n").map(String.init)
            try #require(lines.count == 3, "\(text)")
            #expect(lines[0] == "\(userID)")
            #expect(lines[1].split(separator: " ").compactMap { UInt32($0) }.sorted() == groups)
            #expect(lines[2] == name)
        }
    }

    /// That neither account may act as the other one.
    static func expectNoGrant(_ inDomain: String) async throws {
        for (login, requested) in [("okuser", inDomain), (inDomain, "okuser")] {
            let resolution = try await Site().resolve(login, as: requested)
            #expect(resolution.denial?.reason == .notGranted, "\(login) as \(requested): \(resolution.message)")
        }
    }
}
