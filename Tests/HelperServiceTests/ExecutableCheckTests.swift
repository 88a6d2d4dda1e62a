import Glibc
import SystemPackage
import Testing
import TrustedFiles

@testable import HelperService

@Suite("The check of a program", .testBed)
struct ExecutableCheckTests {
    private let folder: RootFolder
    private let check: ExecutableCheck
    private let bin: FilePath

    init() throws {
        folder = try RootFolder()
        bin = try folder.makeDirectory("bin")
        try folder.write("#!/bin/sh\n", to: "bin/job", mode: 0o755)
        check = ExecutableCheck(directories: [bin])
    }

    private func refusal(_ path: FilePath, _ check: ExecutableCheck? = nil) throws -> String {
        switch (check ?? self.check).verdict(on: [path]) {
        case .permitted(let found):
            Issue.record("\(path) is permitted as \(found)")
            return ""
        case .refused(let refusal):
            #expect(refusal.code == .executable)
            let start = "the helper does not execute \"\(path)\": "
            #expect(refusal.message.hasPrefix(start))
            return String(refusal.message.dropFirst(start.count))
        }
    }

    private func place(_ path: FilePath, _ check: ExecutableCheck? = nil) -> FilePath? {
        guard case .permitted(let found) = (check ?? self.check).verdict(on: [path]), found.count == 1 else {
            return nil
        }
        #expect(found[0].path == path)
        return found[0].place
    }

    @Test
    func `A program of root in a permitted directory, at any depth, is permitted`() throws {
        #expect(place(bin.appending("job")) == bin.appending("job"))
        try folder.makeDirectory("bin/a")
        try folder.makeDirectory("bin/a/b")
        let deep = try folder.write("", to: "bin/a/b/job", mode: 0o755)
        #expect(place(deep) == deep)
    }

    @Test(.enabled(if: RootFolder.hasMachineRoot, "programs of the machine belong to its root"))
    func `A program of the distribution is permitted by any name of its directory`() {
        for directory in ["/usr/bin", "/bin", "/usr"] as [FilePath] {
            let some = ExecutableCheck(directories: [directory])
            #expect(place("/usr/bin/env", some) == "/usr/bin/env")
            #expect(place("/bin/env", some)?.lastComponent == "env")
        }
    }

    @Test
    func `A symbolic link counts as what it leads to, and so does a permitted directory that is one`() throws {
        let link = try folder.link("job-link", to: "bin/job")
        #expect(place(link) == bin.appending("job"))
        try folder.write("", to: "elsewhere", mode: 0o755)
        let out = try folder.link("bin/out", to: "../elsewhere")
        #expect(
            try refusal(out)
                == "\(folder.path)/elsewhere is in none of the permitted directories (\(bin)); "
                + "use a program in one of them, or let root add its directory to `executable-directories`"
        )
        let alias = try folder.link("alias", to: "bin")
        #expect(place(bin.appending("job"), ExecutableCheck(directories: [alias])) == bin.appending("job"))
        #expect(place(alias.appending("job")) == bin.appending("job"))
    }

    @Test
    func `A directory whose name only begins like a permitted one is not permitted`() throws {
        try folder.makeDirectory("bin-of-others")
        let other = try folder.write("", to: "bin-of-others/job", mode: 0o755)
        #expect(try refusal(other).contains("in none of the permitted directories"))
    }

    @Test("A program that others can write is refused", arguments: [mode_t(0o775), 0o757, 0o777])
    func writable(mode: mode_t) throws {
        let job = try folder.write("", to: "bin/open", mode: mode)
        #expect(
            try refusal(job)
                == "\(job) is a regular file with mode 0\(String(mode, radix: 8)), so others than root can put another "
                + "program there; chmod go-w \(job)"
        )
    }

    @Test("A directory that others can write is refused, sticky or not", arguments: [mode_t(0o777), 0o775, 0o1777])
    func writableDirectory(mode: mode_t) throws {
        let open = try folder.makeDirectory("bin/open", mode: mode)
        let job = try folder.write("", to: "bin/open/job", mode: 0o755)
        #expect(try refusal(job).hasPrefix("\(open) is a directory with mode "))
        // Also when only the way of a link leads over it.
        try folder.link("bin/open/link", to: "../job")
        #expect(try refusal(open.appending("link")).hasPrefix("\(open) is a directory with mode "))
    }

    @Test
    func `What belongs to somebody else is refused with the owner`() throws {
        let job = try folder.write("", to: "bin/foreign", mode: 0o755)
        try folder.check(unsafe chown(job.string, 2_001, 0))
        #expect(
            try refusal(job)
                == "\(job) is a regular file of user id 2001, who can put another program there; chown root \(job)"
        )
        let link = try folder.link("bin/link", to: "job")
        try folder.check(unsafe lchown(link.string, 2_001, 0))
        #expect(try refusal(link).hasSuffix("; chown -h root \(link)"))
        let directory = try folder.makeDirectory("bin/theirs")
        try folder.write("", to: "bin/theirs/job", mode: 0o755)
        try folder.check(unsafe chown(directory.string, 2_001, 0))
        #expect(try refusal(directory.appending("job")).hasPrefix("\(directory) is a directory of user id 2001"))
    }

    @Test
    func `Something other than a program is refused at once`() throws {
        let pipe = bin.appending("pipe")
        try folder.check(unsafe mkfifo(pipe.string, 0o600))
        #expect(try refusal(pipe) == "it is a named pipe; name a program")
        #expect(try refusal(bin) == "it is a directory; name a program")
        #expect(try refusal("/dev/null") != "")
        #expect(try refusal(bin.appending("none")) == "\(bin)/none does not exist; correct the path")
        #expect(try refusal(bin.appending("job/x")).hasPrefix("\(bin)/job/x cannot be looked at: "))
        #expect(try refusal("job") == "its path is not absolute; name it by its absolute path")
        #expect(try refusal(bin.appending("../bin/job")) == "its path has a component '..'; name it without")
        try folder.link("bin/a", to: "b")
        let circle = try folder.link("bin/b", to: "a")
        #expect(try refusal(circle).contains("more than 40 symbolic links"))
    }

    @Test
    func `Of what is in a directory that not everybody may search, nothing is told`() throws {
        let hidden = try folder.makeDirectory("hidden", mode: 0o700)
        try folder.write("", to: "hidden/there", mode: 0o755)
        let text =
            "\(hidden) has mode 0700 and is in none of the permitted directories; "
            + "permit it in `executable-directories`, or let everybody search it"
        #expect(try refusal(hidden.appending("there")) == text)
        #expect(try refusal(hidden.appending("absent")) == text)
        try folder.link("bin/lead", to: "../hidden/there")
        #expect(try refusal(bin.appending("lead")) == text)
        // The site that permits the directory has decided.
        #expect(place(hidden.appending("there"), ExecutableCheck(directories: [hidden])) != nil)
    }

    @Test
    func `Of several programs, those that are absent are left out, and one that is not permitted refuses all`() throws {
        let job = bin.appending("job")
        let absent = bin.appending("none")
        guard case .permitted(let found) = check.verdict(on: [absent, job]) else {
            Issue.record("refused")
            return
        }
        #expect(found.map(\.path) == [job])
        guard case .refused(let refusal) = check.verdict(on: ["/usr/bin/env", job]) else {
            Issue.record("another program than the first would run")
            return
        }
        #expect(refusal.message.contains("\"/usr/bin/env\""))
        guard case .refused = check.verdict(on: [absent, absent]), case .refused = check.verdict(on: []) else {
            Issue.record("nothing is no program")
            return
        }
    }

    @Test
    func `A permitted directory that is absent permits nothing and hinders nothing`() throws {
        let some = ExecutableCheck(directories: [folder.path.appending("none"), bin])
        #expect(place(bin.appending("job"), some) != nil)
        let none = ExecutableCheck(directories: [folder.path.appending("none")])
        #expect(try refusal(bin.appending("job"), none).contains("in none of the permitted directories"))
    }

    @Test
    func `A directory that is moved away between two steps does not lead elsewhere`() throws {
        try folder.makeDirectory("evil")
        let evil = try folder.write("evil", to: "evil/job", mode: 0o755)
        let job = bin.appending("job")
        let original = try #require(identity(of: job))
        let verdict = check.verdict(on: [job]) { place in
            guard place == job else { return }
            #expect(unsafe rename(bin.string, bin.string + ".old") == 0)
            #expect(unsafe rename(evil.removingLastComponent().string, bin.string) == 0)
        }
        guard case .permitted(let found) = verdict else {
            Issue.record("refused")
            return
        }
        #expect(found.map(\.identity) == [original])
    }

    @Test
    func `However often the program is swapped, what passed is root's program in the directory`() throws {
        let job = bin.appending("job")
        let evil = try folder.write("evil", to: "evil", mode: 0o777)
        let evilIdentity = try #require(identity(of: evil))
        let next = job.string + ".next"
        let counts = Swapping.count(rounds: 2_000) { round in
            if round % 2 == 0 {
                _ = unsafe symlink(evil.string, next)
            } else {
                _ = unsafe link(evil.string, next)
            }
            _ = unsafe rename(next, job.string)
            _ = try? folder.write("#!/bin/sh\n", to: "bin/job.next", mode: 0o755)
            _ = unsafe rename(next, job.string)
        } meanwhile: {
            switch check.verdict(on: [job]) {
            case .refused: return .refused
            case .permitted(let found):
                return found.contains { $0.identity == evilIdentity || $0.place != job } ? .wrong : .clean
            }
        }
        #expect(counts.wrong == 0)
        #expect(counts.clean > 0)
        #expect(counts.refused > 0)
    }

    private func identity(of path: FilePath) -> FileFacts.Identity? {
        let descriptor = unsafe open(path.string, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        return FileFacts(of: HeldDescriptor(descriptor))?.identity
    }
}
