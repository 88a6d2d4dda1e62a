import SystemPackage
import Testing

@testable import RenderWorker

@Suite("What a worker that died leaves behind")
struct SpoolRecoveryTests {
    private let scratch: ScratchFolder
    private let path: FilePath

    init() throws {
        scratch = try ScratchFolder()
        path = scratch.path.appending("spool")
    }

    private func takeOne() async throws -> SpoolItem {
        let spool = try Spool(path)
        try scratch.write(#"{"command": ["id"]}"#, to: path.appending("new/job.json"), owner: 2001)
        guard case .item(let item) = try await spool.next(settled: true) else { throw Errno.noSuchFileOrDirectory }
        return item
    }

    @Test func `a job that was running has failed and is not run again`() async throws {
        let item = try await takeOne()
        let spool = try Spool(path)
        let recovered = try await spool.recover()
        #expect(recovered.map(\.id) == [item.id.description])
        #expect(recovered.map(\.message) == ["the worker ended while the job ran"])
        #expect(recovered.map(\.owner) == [2001])
        #expect(try scratch.names(in: path.appending("running")).isEmpty)
        #expect(try scratch.names(in: path.appending("failed")) == ["\(item.id).job", "\(item.id).json"])
        guard case .nothing = try await spool.next(settled: true) else {
            Issue.record("it is run again")
            return
        }
    }

    @Test func `a job that had its result keeps it`() async throws {
        let item = try await takeOne()
        try scratch.write("{}", to: path.appending("done").appending(item.id.result))
        let recovered = try await Spool(path).recover()
        #expect(recovered.isEmpty)
        #expect(try scratch.names(in: path.appending("running")).isEmpty)
        #expect(try scratch.names(in: path.appending("done")) == ["\(item.id).job", "\(item.id).json"])
        #expect(try scratch.names(in: path.appending("failed")).isEmpty)
    }

    @Test func `what the worker did not put there stays`() async throws {
        let spool = try Spool(path)
        try scratch.write("x", to: path.appending("running/README"))
        try scratch.write("x", to: path.appending("running/note.job"))
        #expect(try await spool.recover().isEmpty)
        #expect(try scratch.names(in: path.appending("running")) == ["README", "note.job"])
    }
}
