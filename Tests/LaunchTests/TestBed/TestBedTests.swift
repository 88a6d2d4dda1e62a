import Glibc
import SystemPackage
import Testing

@Suite("The test bed", .testBed)
struct TestBedTests {
    @Test("Its accounts are what the name service of this process answers", arguments: TestBed.people)
    func accountsAreVisible(person: TestBed.Person) throws {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 65_536)
        #expect(unsafe getpwnam_r(person.name, &entry, &buffer, buffer.count, &found) == 0)
        try #require(unsafe found != nil)
        #expect(unsafe entry.pw_uid == person.userID)
        #expect(unsafe entry.pw_gid == person.groupID)
        #expect(unsafe String(cString: entry.pw_dir) == person.home)

        var groups = [gid_t](repeating: 0, count: 2_000)
        var count = Int32(groups.count)
        #expect(unsafe getgrouplist(person.name, person.groupID, &groups, &count) >= 0)
        #expect(Set(groups.prefix(Int(count))).sorted() == person.groups)
    }

    @Test("Homes are private and belong to their accounts", arguments: TestBed.people)
    func homesAreOwned(person: TestBed.Person) {
        var file = stat()
        #expect(unsafe stat(person.home, &file) == 0)
        #expect(file.st_uid == person.userID)
        #expect(file.st_gid == person.groupID)
        #expect(file.st_mode & 0o7777 == 0o700)
    }

    @Test("Its first process is the bed's own, which takes everything with it when it ends")
    func processesAreItsOwn() throws {
        let commandLine = try contents("/proc/1/cmdline").split(separator: "\0")
        #expect(commandLine.contains { $0.hasSuffix("Scripts/testbed.d/enter") })
    }

    @Test("Nothing written to these places reaches the host", arguments: ["/etc", "/run", "/bed", "/bed/home"])
    func placesArePrivate(path: String) throws {
        let mounts = try contents("/proc/self/mounts").split(separator: "\n")
        #expect(mounts.contains { $0.hasPrefix("testbed / tmpfs ") })
        var root = stat()
        var place = stat()
        #expect(unsafe stat("/", &root) == 0)
        #expect(unsafe stat(path, &place) == 0)
        #expect(place.st_dev == root.st_dev)
    }

    @Test("Its secrets can be read by root alone", arguments: ["root-only", "private/secret"])
    func secretsAreClosed(name: String) async throws {
        let path = "\(TestBed.directory)/\(name)"
        let root = try await ReferenceLauncher.run([TestBed.probe, "--read-file", path])
        #expect(root.attempts.map(\.content) == ["root only\n"])
        let alice = try await ReferenceLauncher.setpriv(
            userID: TestBed.alice.userID,
            groupID: TestBed.alice.groupID,
            probeArguments: ["--read-file", path]
        )
        #expect(alice.attempts.map(\.errorName) == ["EACCES"])
    }

    private func contents(_ path: String) throws -> String {
        let file = try FileDescriptor.open(FilePath(path), .readOnly)
        return try file.closeAfter {
            try unsafe String(unsafeUninitializedCapacity: 65_536) { buffer in
                try unsafe file.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
        }
    }
}
