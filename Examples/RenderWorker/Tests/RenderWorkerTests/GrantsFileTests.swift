import Glibc
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
        let grants = try await GrantsFile.registry(from: path, naming: .standard).grants(for: nil)
        #expect(grants.map(\.login.spelling) == ["alice", "bob"])
        #expect(grants.map { $0.until != nil } == [true, false])
    }

    @Test(
        "is refused whole, and why",
        arguments: [
            ("", "is not JSON"),
            ("{}", "write a list like"),
            (#"[{"login": "alice"}]"#, "entry 1: \"account\" is missing"),
            (#"[{"login": "alice", "account": "alice"}]"#, "entry 1: "),
            (#"[{"login": "-x", "account": "bob"}]"#, "entry 1: "),
            (#"[{"login": "alice", "account": 7}]"#, "entry 1: \"account\" is not of the type"),
            (#"[{"login": "alice", "account": "bob"}, {"login": "bob", "account": "carol"}]"#, "entry 2: "),
            (#"[{"login": "alice", "account": "bob", "until": "tomorrow"}]"#, "entry 1: \"until\" is no time like"),
        ]
    )
    func refusal(text: String, reason: String) async throws {
        #expect(try await self.reason(text).contains(reason))
    }

    @Test(
        "no restriction is lost because it is misspelt, empty or unknown",
        arguments: [
            (#""untill": "2020-01-01T00:00:00Z""#, "\"untill\" is no member of a grant; there are login"),
            (#""Until": "2020-01-01T00:00:00Z""#, "\"Until\" is no member"),
            (#""expires": "2020-01-01T00:00:00Z""#, "\"expires\" is no member"),
            (#""addresses": ["10.0.0.0/8"]"#, "\"addresses\" is no member"),
            (#""until": null"#, "\"until\" is null"),
        ]
    )
    func restriction(member: String, reason: String) async throws {
        let first = #"{"login": "bob", "account": "render"}"#
        let message = try await self.reason(#"[\#(first), {"login": "alice", "account": "render", \#(member)}]"#)
        #expect(message.hasPrefix("entry 2: \(reason)"), "\(message)")
    }

    @Test(
        "a second entry for one pair cannot take the end of the first away",
        arguments: [("alice", "render"), (#"MYCORP\alice"#, #"mycorp\render"#)]
    )
    func duplicate(login: String, account: String) async throws {
        let message = try await reason(
            #"""
            [{"login": "alice", "account": "render", "until": "2020-01-01T00:00:00Z"},
             {"login": "\#(login.escaped)", "account": "\#(account.escaped)"}]
            """#,
            naming: AccountNaming(hostDomain: "MYCORP")
        )
        #expect(message.hasPrefix("entry 2: is entry 1 again"), "\(message)")
    }

    @Test func `an account under another spelling is still one that may act for nobody`() async throws {
        _ = try await reason(
            #"[{"login": "bob", "account": "render"}, {"login": "MYCORP\\render", "account": "boss"}]"#,
            naming: AccountNaming(hostDomain: "MYCORP")
        )
    }

    @Test(
        "is not believed when somebody else could have written it",
        arguments: [(0o644, 2001), (0o664, 0), (0o646, 0)]
    )
    func trust(mode: UInt32, owner: UInt32) async throws {
        try scratch.write("[]", to: path, mode: mode, owner: owner)
        await #expect(throws: GrantsFileError.self) { try await GrantsFile.registry(from: path, naming: .standard) }
    }

    @Test(
        "is not believed when somebody else could have exchanged it for an older one",
        arguments: [(0o775, 0), (0o777, 0), (0o755, 2001)]
    )
    func wayThere(mode: UInt32, owner: UInt32) async throws {
        let folder = scratch.path.appending("etc")
        try ScratchFolder.check(unsafe folder.withPlatformString { unsafe mkdir($0, 0o755) })
        let path = folder.appending("grants.json")
        try scratch.write("[]", to: path)
        _ = try await GrantsFile.registry(from: path, naming: .standard)
        try ScratchFolder.check(unsafe folder.withPlatformString { unsafe chown($0, owner, owner) })
        try ScratchFolder.check(unsafe folder.withPlatformString { unsafe chmod($0, mode) })
        let error = await #expect(throws: GrantsFileError.self) {
            try await GrantsFile.registry(from: path, naming: .standard)
        }
        #expect(error?.message.contains(folder.string) == true)
    }

    /// Why a file with a text is refused.
    private func reason(_ text: String, naming: AccountNaming = .standard) async throws -> String {
        try scratch.write(text, to: path)
        let error = await #expect(throws: GrantsFileError.self) {
            try await GrantsFile.registry(from: path, naming: naming)
        }
        return try #require(error).message
    }
}

extension String {
    /// The text as it stands between the quotes of a JSON text.
    fileprivate var escaped: String { split(separator: #"\"#).joined(separator: #"\\"#) }
}
