import Glibc
import Synchronization
import SystemPackage
import Testing
import TrustedFiles

@testable import HelperService

@Suite("The file of a policy", .testBed)
struct PolicyFileTests {
    private static let text = "peers = 990\naccounts = 2001\n"
    private let folder: RootFolder

    init() throws {
        folder = try RootFolder()
    }

    private func refusal(_ file: FilePath) throws -> PolicyError {
        try #require(throws: PolicyError.self) { try HelperPolicy.load(from: file, names: Names()) }
    }

    @Test("A file of root that nobody else can write is a policy", arguments: [mode_t(0o600), 0o640, 0o644, 0o400])
    func good(mode: mode_t) throws {
        let file = try folder.write(Self.text, to: "helper.conf", mode: mode)
        let policy = try HelperPolicy.load(from: file, names: Names())
        #expect(policy.accounts.users.map(\.number) == [2_001])
        #expect(policy.path == file)
    }

    @Test("A file that others can write is refused with its mode", arguments: [mode_t(0o664), 0o666, 0o620, 0o602])
    func writable(mode: mode_t) throws {
        let file = try folder.write(Self.text, to: "helper.conf", mode: mode)
        let error = try refusal(file)
        #expect(error.code == .untrusted)
        #expect(
            "\(error)"
                == "\(file): \(file) is a regular file with mode 0\(String(mode, radix: 8)), so others than root can "
                + "change what the helper does; chmod go-w \(file)"
        )
    }

    @Test(
        "A directory on the way that others can write is refused, sticky or not",
        arguments: [mode_t(0o777), 0o775, 0o1777]
    )
    func writableDirectory(mode: mode_t) throws {
        let directory = try folder.makeDirectory("etc", mode: mode)
        let shown = (mode < 0o1000 ? "0" : "") + String(mode, radix: 8)
        #expect(
            "\(try refusal(try folder.write(Self.text, to: "etc/helper.conf")))"
                == "\(directory)/helper.conf: \(directory) is a directory with mode \(shown), so others than root can "
                + "change what the helper does; chmod go-w \(directory)"
        )
        try folder.makeDirectory("etc/deeper")
        #expect(try refusal(try folder.write(Self.text, to: "etc/deeper/helper.conf")).code == .untrusted)
    }

    @Test
    func `A file or a directory of somebody else is refused with the owner`() throws {
        let file = try folder.write(Self.text, to: "helper.conf")
        try folder.check(unsafe chown(file.string, 2_001, 0))
        #expect(
            "\(try refusal(file))"
                == "\(file): \(file) is a regular file of user id 2001, and only root may say what the helper does; "
                + "chown root \(file)"
        )
        let directory = try folder.makeDirectory("etc")
        let inside = try folder.write(Self.text, to: "etc/helper.conf")
        try folder.check(unsafe chown(directory.string, 2_001, 0))
        #expect(
            "\(try refusal(inside))"
                == "\(inside): \(directory) is a directory of user id 2001, and only root may say what the helper does; "
                + "chown root \(directory)"
        )
    }

    @Test
    func `No symbolic link is followed, at the end or on the way, whoever it belongs to`() throws {
        try folder.makeDirectory("etc")
        try folder.write(Self.text, to: "etc/helper.conf")
        let leaf = try folder.link("helper.conf", to: "etc/helper.conf")
        #expect("\(try refusal(leaf))" == "\(leaf): \(leaf) is a symbolic link; name the policy itself")
        let middle = try folder.link("link", to: "etc")
        let file = middle.appending("helper.conf")
        #expect("\(try refusal(file))" == "\(file): \(middle) is a symbolic link; name the policy itself")
        try folder.check(unsafe lchown(leaf.string, 2_001, 0))
        #expect("\(try refusal(leaf))".hasSuffix("; name the policy itself"))
    }

    @Test
    func `A file with a second name is refused`() throws {
        let file = try folder.write(Self.text, to: "helper.conf")
        try folder.check(unsafe link(file.string, file.string + ".kept"))
        #expect(
            "\(try refusal(file))"
                == "\(file): \(file) has 2 names, and whoever made the others may keep an old policy; "
                + "copy it to a new file and rename that over it"
        )
    }

    @Test
    func `A named pipe, a directory, a device and a missing file are refused at once`() throws {
        let pipe = folder.path.appending("pipe")
        try folder.check(unsafe mkfifo(pipe.string, 0o600))
        let missing = folder.path.appending("none")
        #expect("\(try refusal(pipe))" == "\(pipe): \(pipe) is a named pipe; name a regular file")
        #expect("\(try refusal(folder.path))" == "\(folder.path): \(folder.path) is a directory; name a regular file")
        #expect("\(try refusal(missing))" == "\(missing): \(missing) does not exist; create it, or name another file")
        #expect(try refusal("/dev/null").code != .missingKey)
    }

    @Test("The path is absolute and plain", arguments: ["helper.conf", "./helper.conf", "/etc/../helper.conf", ""])
    func relative(path: String) throws {
        let error = try refusal(FilePath(path))
        #expect(error.code == .untrusted)
        #expect("\(error)".hasSuffix("name the policy by its absolute path"))
    }

    @Test
    func `A file that is too large is not read`() throws {
        let file = try folder.write(Self.text + String(repeating: "#", count: 64 << 10), to: "helper.conf")
        #expect(try refusal(file).code == .tooLarge)
    }

    @Test
    func `Another file of root's that takes the place after the look is not mixed up with the first`() throws {
        let file = try folder.write(Self.text, to: "helper.conf")
        let other = try folder.write("peers = 990\naccounts = *\n", to: "other")
        let error = try #require(throws: PolicyError.self) {
            try PolicyFile.read(file) { moment in
                guard moment == .opening else { return }
                #expect(unsafe rename(other.string, file.string) == 0)
            }
        }
        #expect("\(error)" == "\(file): \(file) was replaced while it was opened; start the helper again")
    }

    @Test
    func `A named pipe that takes the place of the file after the look at it does not hang`() throws {
        let file = try folder.write(Self.text, to: "helper.conf")
        let error = try #require(throws: PolicyError.self) {
            try PolicyFile.read(file) { moment in
                guard moment == .opening else { return }
                #expect(unsafe unlink(file.string) == 0)
                #expect(unsafe mkfifo(file.string, 0o600) == 0)
            }
        }
        #expect(error.code == .changedWhileReading)
    }

    @Test
    func `A file that is written to while it is read is refused`() throws {
        let file = try folder.write(Self.text, to: "helper.conf")
        let error = try #require(throws: PolicyError.self) {
            try PolicyFile.read(file) { moment in
                guard moment == .reading else { return }
                #expect(unsafe truncate(file.string, 12) == 0)
            }
        }
        #expect(
            "\(error)"
                == "\(file): the file was written to while it was read; "
                + "write a new file beside it and rename that over it"
        )
    }

    /// What takes the place of a policy, again and again.
    enum Attack: CaseIterable {
        case symbolicLink
        case fileOfSomebody
        case writableFile
        case hardLink
        case namedPipe
    }

    @Test("However often it is swapped, what is read is the policy or nothing", arguments: Attack.allCases)
    func swapped(by attack: Attack) throws {
        let file = try folder.write(Self.text, to: "helper.conf")
        let evil = try folder.write(
            "peers = 990\naccounts = *\n",
            to: "evil",
            mode: attack == .writableFile ? 0o666 : 0o600
        )
        if attack == .fileOfSomebody { try folder.check(unsafe chown(evil.string, 2_001, 2_001)) }
        let counts = Swapping.count(rounds: 2_000) { _ in
            let next = file.string + ".next"
            switch attack {
            case .symbolicLink: _ = unsafe symlink(evil.string, next)
            case .hardLink, .fileOfSomebody, .writableFile: _ = unsafe link(evil.string, next)
            case .namedPipe: _ = unsafe mkfifo(next, 0o600)
            }
            _ = unsafe rename(next, file.string)
            // The right policy, as an administrator puts it there.
            _ = try? folder.write(Self.text, to: "helper.conf.next")
            _ = unsafe rename(next, file.string)
        } meanwhile: {
            do throws(PolicyError) {
                let policy = try HelperPolicy.load(from: file, names: Names())
                return policy.accounts.users.map(\.number) == [2_001] ? .clean : .wrong
            } catch {
                return error.code == .untrusted || error.code == .unreadable || error.code == .changedWhileReading
                    ? .refused : .wrong
            }
        }
        #expect(counts.wrong == 0)
        #expect(counts.clean > 0)
        #expect(counts.refused > 0)
    }

    /// A policy in a directory of its own, and another one in a directory of somebody else's.
    private func twoDirectories() throws -> (file: FilePath, right: FilePath, wrong: FilePath) {
        let right = try folder.makeDirectory("etc")
        let wrong = try folder.makeDirectory("other")
        try folder.write("peers = 990\naccounts = *\n", to: "other/helper.conf")
        try folder.check(unsafe chown(wrong.string, 2_001, 2_001))
        return (try folder.write(Self.text, to: "etc/helper.conf"), right, wrong)
    }

    @Test
    func `A directory that takes the place of one that was looked at is not followed`() throws {
        let (file, right, wrong) = try twoDirectories()
        let aside = folder.path.appending("aside")
        let policy = try HelperPolicy(
            PolicyFile.read(file) { moment in
                guard moment == .opening else { return }
                #expect(unsafe rename(right.string, aside.string) == 0)
                #expect(unsafe rename(wrong.string, right.string) == 0)
            },
            names: Names()
        )
        #expect(policy.accounts.users.map(\.number) == [2_001])
        // Whoever looks again looks at the other one.
        #expect(try refusal(file).code == .untrusted)
    }

    @Test(
        "However often a directory on the way is swapped, what is read is the policy or nothing",
        arguments: [false, true]
    )
    func swappedDirectory(_ isLink: Bool) throws {
        let (file, right, wrong) = try twoDirectories()
        let (aside, next) = (folder.path.appending("aside").string, folder.path.appending("next").string)
        let counts = Swapping.count(rounds: 2_000) { _ in
            if isLink { _ = unsafe symlink(wrong.string, next) } else { _ = unsafe rename(wrong.string, next) }
            _ = unsafe rename(right.string, aside)
            _ = unsafe rename(next, right.string)
            // As it was.
            if isLink { _ = unsafe unlink(right.string) } else { _ = unsafe rename(right.string, wrong.string) }
            _ = unsafe rename(aside, right.string)
        } meanwhile: {
            do throws(PolicyError) {
                let policy = try HelperPolicy.load(from: file, names: Names())
                return policy.accounts.users.map(\.number) == [2_001] ? .clean : .wrong
            } catch {
                return error.code == .untrusted || error.code == .unreadable ? .refused : .wrong
            }
        }
        #expect(counts.wrong == 0)
        #expect(counts.clean > 0)
        #expect(counts.refused > 0)
    }

    @Test
    func `The names of the machine are resolved by the name service`() throws {
        let file = try folder.write(
            #"peers = qubeproxy @render"# + "\n" + #"accounts = bob2 "MYCORP\\someuser" "@MYCORP\\domain users""#
                + "\n",
            to: "helper.conf"
        )
        let policy = try HelperPolicy.load(from: file, names: SystemPolicyNames())
        #expect(policy.peers.users.map(\.number) == [2_100])
        #expect(policy.peers.groups.map(\.number) == [3_001])
        #expect(policy.accounts.users.map(\.number) == [2_002, 11_103])
        #expect(policy.accounts.groups.map(\.number) == [10_513])
        let names = SystemPolicyNames()
        #expect(names.userID(of: "nobody-of-that-name") == .absent)
        #expect(names.groupID(of: "nobody-of-that-name") == .absent)
        #expect(names.userID(of: "alice\0evil") == .absent)
        // 1,200 members do not fit the first buffer.
        #expect(names.groupID(of: "g1200") == .number(21_200))
    }
}
