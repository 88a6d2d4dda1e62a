import Glibc
import SystemPackage
import Testing

@testable import RenderWorker

@Suite("A spool that everybody may write to")
struct SpoolTests {
    private let scratch: ScratchFolder
    private let path: FilePath

    init() throws {
        scratch = try ScratchFolder()
        path = scratch.path.appending("spool")
    }

    private var new: FilePath { path.appending("new") }

    private func taken(_ spool: Spool) async throws -> SpoolItem {
        guard case .item(let item) = try await spool.next(settled: true) else { throw Errno.noSuchFileOrDirectory }
        return item
    }

    @Test(
        "has directories of its own with the right modes",
        arguments: [
            ("new", 0o1777), ("new-root", 0o700), ("running", 0o700), ("done", 0o755), ("refused", 0o755),
            ("bad", 0o755), ("failed", 0o755),
        ]
    )
    func directories(name: String, mode: UInt32) async throws {
        _ = try Spool(path)
        let facts = try Folder(opening: path).facts(of: FilePath(name).lastComponent ?? ".")
        #expect(facts.kind == .directory)
        #expect(facts.permissions == mode)
    }

    @Test func `nobody else submits where every job runs as the worker's own account`() async throws {
        _ = try Spool(path, submitters: .worker)
        #expect(try Folder(opening: path).facts(of: "new").permissions == 0o700)
        #expect(throws: SpoolError.self) { try Spool(path) }
    }

    @Test func `a job file is taken once, with its owner, and moved to where only the worker can`() async throws {
        let spool = try Spool(path)
        try scratch.write("the job", to: new.appending("a.json"), owner: 2001)
        let item = try await taken(spool)
        guard case .jobFile(let bytes) = item.content else {
            Issue.record("\(item)")
            return
        }
        #expect(bytes == Array("the job".utf8))
        #expect(item.owner == UserID(rawValue: 2001))
        #expect(item.fileName == "a.json")
        #expect(try scratch.names(in: new).isEmpty)
        #expect(try scratch.names(in: path.appending("running")) == ["\(item.id).job"])
        guard case .nothing(lookAgain: false) = try await spool.next(settled: true) else {
            Issue.record("there is something left")
            return
        }
    }

    /// Something hostile, and a word of the reason.
    enum Trap: String, CaseIterable {
        case symbolicLink = "a symbolic link"
        case symbolicLinkToJob = "symbolic link, no"
        case fifo = "a FIFO"
        case directory = "a directory"
        case huge = "a job file has at most 65536"
        case sparse = "has 1099511627776 bytes"
        case hardLink = "has 2 names"
        case groupWritable = "has mode 664"
        case worldWritable = "has mode 646"
    }

    @Test("moves aside what is no job file, unopened, and says why", arguments: Trap.allCases)
    func trap(_ trap: Trap) async throws {
        let spool = try Spool(path)
        let name = new.appending("trap.json")
        let job = #"{"command": ["id"]}"#
        switch trap {
        case .symbolicLink: try link("/etc/shadow", at: name)
        case .symbolicLinkToJob:
            let target = scratch.path.appending("job.json")
            try scratch.write(job, to: target)
            try link(target, at: name)
        case .fifo: try ScratchFolder.check(unsafe name.withPlatformString { unsafe mkfifo($0, 0o644) })
        case .directory: try ScratchFolder.check(unsafe name.withPlatformString { unsafe mkdir($0, 0o755) })
        case .huge: try scratch.write([UInt8](repeating: 32, count: JobDescription.maximumSize + 1), to: name)
        case .sparse:
            try scratch.write("", to: name)
            try ScratchFolder.check(unsafe name.withPlatformString { unsafe truncate($0, 1 << 40) })
        case .hardLink:
            let other = scratch.path.appending("others.json")
            try scratch.write(job, to: other)
            try ScratchFolder.check(
                unsafe other.withPlatformString { other in
                    unsafe name.withPlatformString { unsafe Glibc.link(other, $0) }
                }
            )
        case .groupWritable: try scratch.write(job, to: name, mode: 0o664)
        case .worldWritable: try scratch.write(job, to: name, mode: 0o646)
        }
        let before = try Folder(opening: new).facts(of: "trap.json")

        let item = try await taken(spool)
        guard case .unusable(let reason) = item.content else {
            Issue.record("\(item)")
            return
        }
        #expect(reason.contains(trap.rawValue), "\(reason)")
        #expect(item.fileName == "trap.json")
        #expect(try scratch.names(in: new).isEmpty)
        #expect(try Folder(opening: path.appending("bad")).facts(of: item.id.file).identity == before.identity)
    }

    @Test func `a socket is moved aside`() async throws {
        let spool = try Spool(path)
        let name = new.appending("socket.json")
        try ScratchFolder.check(unsafe name.withPlatformString { unsafe mknod($0, S_IFSOCK | 0o644, 0) })
        let item = try await taken(spool)
        guard case .unusable = item.content else {
            Issue.record("\(item)")
            return
        }
    }

    @Test func `a name that is no text is a name`() async throws {
        let spool = try Spool(path)
        let bytes: [CChar] = [0x61, CChar(bitPattern: 0xFF), 0x0A, 0x62, 0]
        let name = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe bytes.baseAddress.flatMap { unsafe FilePath.Component(platformString: $0) }
        }
        try scratch.write("x", to: new.appending(try #require(name)))
        let item = try await taken(spool)
        #expect(item.fileName.printable().utf8.allSatisfy { $0 >= 0x20 })
        #expect(try scratch.names(in: new).isEmpty)
    }

    @Test func `root submits where nobody else can`() async throws {
        let spool = try Spool(path)
        try scratch.write("of root", to: path.appending("new-root/a.json"))
        try scratch.write("of anybody", to: new.appending("a.json"))
        let items = [try await taken(spool), try await taken(spool)]
        #expect(Set(items.map(\.entrance)) == [.new, .newRoot])
        #expect(items.filter(\.isSubmittedByRoot).map(\.entrance) == [.newRoot])
        #expect(try scratch.names(in: path.appending("running")).count == 2)
    }

    @Test func `what is not root's is no job in the directory of root's jobs`() async throws {
        let spool = try Spool(path)
        try scratch.write("x", to: path.appending("new-root/a.json"), owner: 2001)
        let item = try await taken(spool)
        guard case .unusable(let reason) = item.content else {
            Issue.record("\(item)")
            return
        }
        #expect(reason.contains("belongs to user id 2001"))
        #expect(!item.isSubmittedByRoot)
    }

    @Test func `a directory for root's jobs that others can write to is refused`() throws {
        _ = try Spool(path)
        try ScratchFolder.check(unsafe path.appending("new-root").withPlatformString { unsafe chmod($0, 0o770) })
        let error = #expect(throws: SpoolError.self) { try Spool(path) }
        #expect(error?.message.contains("chmod 700 it") == true)
    }

    @Test func `drafts are left alone`() async throws {
        let spool = try Spool(path)
        try scratch.write("x", to: new.appending(".draft"))
        guard case .nothing(lookAgain: false) = try await spool.next(settled: true) else {
            Issue.record("the draft was taken")
            return
        }
    }

    @Test func `a file that somebody still writes to is left alone until it is closed`() async throws {
        let spool = try Spool(path)
        let changes = AsyncStream<Void>.makeStream()
        await spool.watch { changes.continuation.yield() }
        let name = new.appending("slow.json")
        let file = try FileDescriptor.open(name, .writeOnly, options: .create, permissions: [.ownerReadWrite])
        var change = changes.stream.makeAsyncIterator()
        await change.next()
        guard case .nothing(lookAgain: true) = try await spool.next() else {
            Issue.record("half a file was taken")
            return
        }
        _ = try file.writeAll(Array("whole".utf8))
        try file.close()
        while case .nothing = try await spool.next() { await change.next() }
        #expect(try scratch.names(in: new).isEmpty)
    }

    @Test func `the oldest comes first`() async throws {
        let spool = try Spool(path)
        var names: [String] = []
        var previous = 0.0
        for name: FilePath.Component in ["c", "a", "b"] {
            // The kernel's clock for files advances in steps.
            var changed = previous
            while changed == previous {
                try scratch.write("x", to: new.appending(name))
                changed = try Folder(opening: new).facts(of: name).changed
            }
            previous = changed
        }
        for _ in 0..<3 { names.append(try await taken(spool).fileName) }
        #expect(names == ["c", "a", "b"])
    }

    @Test func `a file that is exchanged while it is taken up runs as nobody`() async throws {
        let (scratch, new) = (scratch, new)
        let spool = try Spool(path) {
            // Alice gives her name to a file of bob's at the worst moment.
            try? scratch.write(#"{"command": ["evil"]}"#, to: scratch.path.appending("bobs"), owner: 2002)
            _ = unsafe scratch.path.appending("bobs")
                .withPlatformString { old in
                    unsafe new.appending("job.json").withPlatformString { unsafe rename(old, $0) }
                }
        }
        try scratch.write(#"{"command": ["id"]}"#, to: new.appending("job.json"), owner: 2001)
        let item = try await taken(spool)
        guard case .unusable(let reason) = item.content else {
            Issue.record("\(item)")
            return
        }
        #expect(reason.contains("was exchanged"))
        #expect(try scratch.names(in: path.appending("running")).isEmpty)
        #expect(try scratch.names(in: path.appending("bad")) == ["\(item.id).job"])
    }

    @Test func `a file that vanishes while it is taken up is nobody's loss`() async throws {
        let name = new.appending("job.json")
        let spool = try Spool(path) { _ = unsafe name.withPlatformString { unsafe unlink($0) } }
        try scratch.write("x", to: name)
        guard case .nothing = try await spool.next(settled: true) else {
            Issue.record("it was taken")
            return
        }
    }

    @Test func `a lease on a file holds nobody up`() async throws {
        let (setSignal, setLease) = (Int32(10), Int32(1_024))
        let spool = try Spool(path)
        try scratch.write("x", to: new.appending("leased"))
        let file = try FileDescriptor.open(new.appending("leased"), .readWrite)
        defer { try? file.close() }
        // The breaking of a lease is told by a signal; this one is ignored.
        try ScratchFolder.check(fcntl(file.rawValue, setSignal, SIGURG))
        try ScratchFolder.check(fcntl(file.rawValue, setLease, Int32(F_WRLCK)))
        guard case .nothing(lookAgain: true) = try await spool.next(settled: true) else {
            Issue.record("the file was taken")
            return
        }
        try ScratchFolder.check(fcntl(file.rawValue, setLease, Int32(F_UNLCK)))
        #expect(try await taken(spool).fileName == "leased")
    }

    @Test func `what cannot be moved is reported once and passed over`() async throws {
        let spool = try Spool(path)
        let name = new.appending("mount")
        try ScratchFolder.check(unsafe name.withPlatformString { unsafe mkdir($0, 0o755) })
        try ScratchFolder.check(unsafe name.withPlatformString { unsafe mount("tmpfs", $0, "tmpfs", 0, nil) })
        defer { _ = unsafe name.withPlatformString { unsafe umount($0) } }
        try scratch.write("x", to: new.appending("job"))
        var items: [SpoolItem] = []
        while case .item(let item) = try await spool.next(settled: true) { items.append(item) }
        #expect(Set(items.map(\.fileName)) == ["mount", "job"])
        #expect(items.count == 2)
    }

    @Test func `a second worker is refused`() throws {
        let first = try Spool(path)
        let error = #expect(throws: SpoolError.self) { try Spool(path) }
        #expect(error?.message.contains("another worker uses this spool") == true)
        withExtendedLifetime(first) {}
    }

    @Test func `a spool that somebody else made is refused`() throws {
        try ScratchFolder.check(unsafe path.withPlatformString { unsafe mkdir($0, 0o755) })
        try ScratchFolder.check(unsafe path.withPlatformString { unsafe chown($0, 2001, 2001) })
        let error = #expect(throws: SpoolError.self) { try Spool(path) }
        #expect(error?.message.contains("belongs to user id 2001") == true)
    }

    @Test func `a spool whose directories are links or open to others is refused`() throws {
        try ScratchFolder.check(unsafe path.withPlatformString { unsafe mkdir($0, 0o755) })
        try link("/tmp", at: path.appending("done"))
        #expect(throws: SpoolError.self) { try Spool(path) }
        try ScratchFolder.check(unsafe path.appending("done").withPlatformString { unsafe unlink($0) })
        try ScratchFolder.check(unsafe path.appending("done").withPlatformString { unsafe mkdir($0, 0o700) })
        try ScratchFolder.check(unsafe path.appending("done").withPlatformString { unsafe chmod($0, 0o777) })
        let error = #expect(throws: SpoolError.self) { try Spool(path) }
        #expect(error?.message.contains("has mode 777; chmod 755 it") == true)
    }

    private func link(_ target: FilePath, at path: FilePath) throws {
        try ScratchFolder.check(
            unsafe target.withPlatformString { target in
                unsafe path.withPlatformString { unsafe symlink(target, $0) }
            }
        )
    }
}
