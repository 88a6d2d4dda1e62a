import FoundationEssentials
import Impersonation
import SystemPackage
import Testing

@Suite("Jobs of accounts of a real Active Directory", .on(.winbind), .timeLimit(.minutes(5)))
struct WinbindJobTests {
    /// What the probe says of the job's ids.
    private struct Report: Decodable {
        let userID: Identifiers
        let groupID: Identifiers
        let groups: [UInt32]
    }

    private struct Identifiers: Decodable {
        let real: UInt32
        let effective: UInt32
        let saved: UInt32
    }

    @Test(
        "have the ids of the account and every one of its groups",
        arguments: ["someuser@mycorp.test", #"MYCORP\everywhere"#, #"MYCORP\John Smith"#],
        SetUIDLauncher.Isolation.allCases
    )
    func ids(name: String, isolation: SetUIDLauncher.Isolation) async throws {
        let identity = try #require(try await Site().resolve(name).identity)
        var command = Command(.path("/bed/bin/probe"))
        command.workingDirectory = .path("/")
        command.standardOutput = .captured(limit: 4 << 20)
        command.startDeadline = patience
        let process = try await SetUIDLauncher(isolation: isolation).launch(command, as: identity)
        let output = try await process.exitReport().standardOutput?.text ?? ""
        let report = try JSONDecoder().decode(Report.self, from: Data(output.utf8))
        for id in [report.userID.real, report.userID.effective, report.userID.saved] {
            #expect(id == identity.account.userID.rawValue)
        }
        for id in [report.groupID.real, report.groupID.effective, report.groupID.saved] {
            #expect(id == identity.account.groupID.rawValue)
        }
        #expect(report.groups == identity.account.groupNumbers)
    }
}
