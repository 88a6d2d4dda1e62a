import SystemPackage
import Testing

@testable import RenderWorker

@Suite("Files that were damaged")
struct DamagedFileTests {
    private static let interesting = Array("{}[]\",:\\/0-1eu. \n=".utf8) + [0x00, 0x1B, 0xC3, 0xCC, 0x81, 0xFF]

    @Test func `a job file is a job that can be run, or refused in one line`() throws {
        let original = Array(
            #"{"spool": "/s", "login": "bob", "command": ["/bin/id", "-u"], "environment": {"A": "1"}, "nice": 3, "working_directory": "/tmp"}"#
                .utf8
        )
        var generator = ByteDamage(seed: 1)
        var read = 0
        for _ in 0..<10_000 {
            let bytes = generator.damage(original, with: Self.interesting)
            let job: JobDescription
            do throws(JobDescriptionError) {
                job = try JobDescription(bytes)
                read += 1
            } catch {
                try #require(error.message.utf8.allSatisfy { $0 >= 0x20 }, "\(bytes)")
                continue
            }
            let texts = job.command + job.environment.keys + job.environment.values + [job.workingDirectory ?? ""]
            try #require(!texts.contains { $0.utf8.contains(0) }, "\(bytes)")
            try #require(job.command.first?.isEmpty == false && job.spool.isAbsolute, "\(bytes)")
            try #require(job.workingDirectory.map { FilePath($0).isAbsolute } ?? true, "\(bytes)")
            try #require((0...19).contains(job.nice), "\(bytes)")
        }
        #expect(read > 100)
        #expect(read < 9_900)
    }

    @Test func `a file of grants keeps every end it had, or is refused in one line`() throws {
        let original = Array(
            #"[{"login": "alice", "account": "render", "until": "2027-01-01T00:00:00Z"}]"#.utf8
        )
        var generator = ByteDamage(seed: 2)
        var read = 0
        for _ in 0..<10_000 {
            let bytes = generator.damage(original, with: Self.interesting)
            let text = String(decoding: bytes, as: UTF8.self)
            let entries: [GrantsFileEntry]
            do throws(GrantsFileError) {
                entries = try GrantsFileEntry.read(text, of: "/grants.json")
                read += 1
            } catch {
                try #require("\(error)".utf8.allSatisfy { $0 >= 0x20 }, "\(bytes)")
                continue
            }
            // An end that still stands in the text counts.
            let isEnd = text.contains("\"until\"") && !text.contains("\\")
            try #require(entries.isEmpty || !isEnd || entries.contains { $0.until != nil }, "\(text)")
        }
        #expect(read > 100)
        #expect(read < 9_900)
    }

    @Test func `a result is what its bytes say, or is refused`() throws {
        let original = Array(
            (#"{"id": "7", "file": "shot.json", "owner": 2001, "outcome": "identity", "reason": "selfAllowed", "message": "m", "#
                + #""groups": [2001, 3001], "uid": 2001, "rules": [{"rule": "r", "source": "/c", "line": 3, "text": "t"}], "#
                + #""exited": 0, "seconds": 1.5}"#)
                .utf8
        )
        var generator = ByteDamage(seed: 4)
        var read = 0
        for _ in 0..<10_000 {
            let bytes = generator.damage(original, with: Self.interesting)
            guard let result = try? JobResult(decoding: bytes) else { continue }
            read += 1
            // What was read is written, and read again as the same: nothing of it is lost, and no number is another one.
            let again = try JobResult(decoding: result.encoded())
            try #require(again == result, "\(bytes)")
            // No member is made up: what it does not name is not there.
            let text = String(decoding: bytes, as: UTF8.self)
            guard !text.contains("\\") else { continue }
            try #require(result.uid == nil || text.contains("\"uid\""), "\(text)")
            try #require(result.exited == nil || text.contains("\"exited\""), "\(text)")
            try #require(result.signaled == nil && result.account == nil, "\(text)")
        }
        #expect(read > 100)
        #expect(read < 9_900)
    }

    @Test func `what a job printed is somebody with a group, or nobody`() throws {
        let original = Array("x\nuid=2001(alice) gid=2001(alice) groups=2001(alice),3001(render)\n".utf8)
        var generator = ByteDamage(seed: 3)
        var read = 0
        for _ in 0..<5_000 {
            let bytes = generator.damage(original, with: Array("0123(),= \n".utf8) + [0x00, 0xCC, 0x81, 0xFF])
            guard let identity = IdentityOutput(in: String(decoding: bytes, as: UTF8.self)) else { continue }
            read += 1
            try #require(!identity.groups.isEmpty, "\(bytes)")
        }
        #expect(read > 100)
        #expect(read < 4_900)
    }
}
