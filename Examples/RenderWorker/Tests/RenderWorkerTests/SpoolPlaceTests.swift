import Glibc
import SystemPackage
import Testing

@testable import RenderWorker

@Suite("Where a spool and its logs stand")
struct SpoolPlaceTests {
    private let scratch: ScratchFolder
    private let parent: FilePath

    init() throws {
        scratch = try ScratchFolder()
        parent = scratch.path.appending("parent")
        try Self.makeDirectory(parent)
    }

    private static func makeDirectory(_ path: FilePath, mode: UInt32 = 0o755, owner: UInt32 = 0) throws {
        try ScratchFolder.check(unsafe path.withPlatformString { unsafe mkdir($0, 0o700) })
        try set(path, mode: mode, owner: owner)
    }

    private static func set(_ path: FilePath, mode: UInt32, owner: UInt32) throws {
        try ScratchFolder.check(unsafe path.withPlatformString { unsafe chown($0, owner, owner) })
        try ScratchFolder.check(unsafe path.withPlatformString { unsafe chmod($0, mode) })
    }

    private static func rename(_ old: FilePath, to new: FilePath) throws {
        try ScratchFolder.check(
            unsafe old.withPlatformString { old in
                unsafe new.withPlatformString { unsafe Glibc.rename(old, $0) }
            }
        )
    }

    @Test(
        "is no place where somebody else could exchange it",
        arguments: [("somebody's home", 0o755, 2001), ("a group's directory", 0o775, 0), ("everybody's", 0o777, 0)]
            as [(String, UInt32, UInt32)]
    )
    func place(name: String, mode: UInt32, owner: UInt32) throws {
        try Self.makeDirectory(parent.appending("inner"))
        try Self.set(parent, mode: mode, owner: owner)
        for path in [parent.appending("spool"), parent.appending("inner").appending("spool")] {
            let spool = #expect(throws: SpoolError.self) { try Spool(path) }
            #expect(spool?.message.contains("\(parent) is a directory of user id \(owner)") == true, "\(name)")
            let logs = #expect(throws: SpoolError.self) { try OwnedDirectory.open(path, permissions: 0o1777) }
            #expect(logs?.message.contains("\(parent) is a directory of user id \(owner)") == true, "\(name)")
        }
        #expect(try scratch.names(in: parent) == ["inner"])
        #expect(try scratch.names(in: parent.appending("inner")).isEmpty)
    }

    @Test func `may be a sticky directory, where nobody renames what belongs to the worker`() throws {
        try Self.set(parent, mode: 0o1777, owner: 0)
        _ = try Spool(parent.appending("spool"))
    }

    @Test func `is not a path that names no directory`() {
        #expect(throws: SpoolError.self) { try OwnedDirectory.open("/", permissions: 0o755) }
        #expect(throws: SpoolError.self) { try OwnedDirectory.open(parent.appending(".."), permissions: 0o755) }
    }

    @Test func `a directory is made in the one that was looked at, wherever its path leads meanwhile`() throws {
        let folder = try OwnedDirectory.open(parent.appending("spool"), permissions: 0o755)
        let elsewhere = scratch.path.appending("elsewhere")
        try Self.makeDirectory(elsewhere)
        try Self.rename(parent.appending("spool"), to: parent.appending("old"))
        try ScratchFolder.check(
            unsafe elsewhere.withPlatformString { target in
                unsafe parent.appending("spool").withPlatformString { unsafe symlink(target, $0) }
            }
        )
        _ = try OwnedDirectory.open("new", in: folder, permissions: 0o1777)
        #expect(try scratch.names(in: parent.appending("old")) == ["new"])
        #expect(try scratch.names(in: elsewhere).isEmpty)
    }

    @Test func `the directory that is watched is the one that was opened`() async throws {
        let spool = try OwnedDirectory.open(parent.appending("spool"), permissions: 0o755)
        let new = try OwnedDirectory.open("new", in: spool, permissions: 0o1777)
        try Self.rename(parent.appending("spool"), to: parent.appending("old"))
        try Self.makeDirectory(parent.appending("spool"))
        try Self.makeDirectory(parent.appending("spool/new"), mode: 0o1777)

        let watch = try SpoolWatch([.new: new])
        let changes = AsyncStream<Void>.makeStream()
        watch.begin { changes.continuation.yield() }
        try scratch.write("x", to: parent.appending("spool/new/decoy"))
        try scratch.write("x", to: parent.appending("old/new/job"))
        for await _ in changes.stream {
            try #require(!watch.isComplete(Arrival(entrance: .new, name: "decoy")))
            if watch.isComplete(Arrival(entrance: .new, name: "job")) { break }
        }
    }

    @Test func `a file that is complete in one directory is not so in another`() async throws {
        let (new, newRoot) = (
            try OwnedDirectory.open(parent.appending("new"), permissions: 0o1777),
            try OwnedDirectory.open(parent.appending("new-root"), permissions: 0o700)
        )
        let watch = try SpoolWatch([.new: new, .newRoot: newRoot])
        let changes = AsyncStream<Void>.makeStream()
        watch.begin { changes.continuation.yield() }
        try scratch.write("x", to: parent.appending("new/job"))
        for await _ in changes.stream {
            #expect(!watch.isComplete(Arrival(entrance: .newRoot, name: "job")))
            if watch.isComplete(Arrival(entrance: .new, name: "job")) { break }
        }
    }
}
