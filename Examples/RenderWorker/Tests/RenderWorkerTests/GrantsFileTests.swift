import Impersonation
import SystemPackage
import Testing

@testable import RenderWorker

@Suite("The file of grants")
struct GrantsFileTests {
    private let scratch: ScratchFolder
    private let path: FilePath

    init() throws {
        scratch = try ScratchFolder()
        path = scratch.path.appending("grants.json")
    }

    @Test func `grants are read`() async throws {
        try scratch.write(
            #"[{"login": "alice", "account": "render", "until": "2027-01-01T00:00:00Z"}, {"login": "bob", "account": "render"}]"#,
            to: path
        )
        let grants = try await GrantsFile.registry(from: path, syntax: .standard).grants(for: nil)
        #expect(grants.map(\.login.spelling) == ["alice", "bob"])
        #expect(grants.map { $0.until != nil } == [true, false])
    }

    @Test(
        "is refused whole",
        arguments: [
            "", "{}", #"[{"login": "alice"}]"#, #"[{"login": "alice", "account": "alice"}]"#,
            #"[{"login": "-x", "account": "bob"}]"#,
            #"[{"login": "alice", "account": "bob"}, {"login": "bob", "account": "carol"}]"#,
            #"[{"login": "alice", "account": "bob", "until": "tomorrow"}]"#,
        ]
    )
    func refusal(text: String) async throws {
        try scratch.write(text, to: path)
        await #expect(throws: GrantsFileError.self) { try await GrantsFile.registry(from: path, syntax: .standard) }
    }

    @Test(
        "is not believed when somebody else could have written it",
        arguments: [(0o644, 2001), (0o664, 0), (0o646, 0)]
    )
    func trust(mode: UInt32, owner: UInt32) async throws {
        try scratch.write("[]", to: path, mode: mode, owner: owner)
        await #expect(throws: GrantsFileError.self) { try await GrantsFile.registry(from: path, syntax: .standard) }
    }
}
