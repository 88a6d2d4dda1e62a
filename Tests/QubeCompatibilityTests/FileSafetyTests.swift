import Glibc
import Impersonation
import SystemPackage
import Testing

@testable import QubeCompatibility

@Suite("Reading the file safely")
struct FileSafetyTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// The error of a load that must not succeed.
    private func refusal(_ file: FilePath, trust: ConfigurationTrust = .trusted) throws -> ConfigurationError {
        try #require(throws: ConfigurationError.self) { try WorkerConfiguration.load(from: file, trust: trust) }
    }

    private func accepts(_ file: FilePath, trust: ConfigurationTrust = .trusted) throws {
        let loaded = try WorkerConfiguration.load(from: file, trust: trust)
        #expect(loaded.configuration.proxyAccount.value == "render")
        #expect(loaded.configuration.proxyAccount.source == .file(file, line: 1))
    }

    private static let text = "proxy_account = render\n"

    @Test(arguments: [ConfigurationTrust.trusted, .readOnly])
    func `A regular file of the daemon is read`(trust: ConfigurationTrust) throws {
        try accepts(try folder.write(Self.text, to: "qb.conf"), trust: trust)
    }

    @Test
    func `An empty file is a configuration`() throws {
        let loaded = try WorkerConfiguration.load(from: try folder.write("", to: "qb.conf"))
        #expect(loaded.configuration.policy.mode.value == .proxy)
        #expect(loaded.diagnostics.isEmpty)
    }

    @Test
    func `A relative path is read from the working directory`() throws {
        // The working directory belongs to the whole process, so the way there is spelt instead of changed.
        let file = try folder.write(Self.text, to: "qb.conf")
        let current = unsafe try #require(getcwd(nil, 0))
        defer { unsafe free(current) }
        let up = unsafe FilePath(platformString: current).components.map { _ in ".." }.joined(separator: "/")
        let relative = FilePath(up + file.string)
        #expect(relative.isRelative)
        #expect(
            try WorkerConfiguration.load(from: relative, trust: .readOnly).configuration.proxyAccount.value == "render"
        )
    }

    @Test
    func `A file that was named and is not there is an error`() throws {
        let missing = folder.path.appending("qb.conf")
        let error = try refusal(missing)
        #expect(error.code == .notFound)
        #expect("\(error)" == "\(missing): error: \(missing) does not exist; create it, or name another file")
    }

    @Test
    func `Only the default file may be missing`() throws {
        let loaded = try WorkerConfiguration.loadIfPresent(from: folder.path.appending("none/worker.conf"))
        #expect(loaded.file == nil)
        #expect(loaded.diagnostics.isEmpty)
        #expect(loaded.configuration.settings.allSatisfy { $0.source.origin == "built-in" })
    }

    @Test
    func `A default file that is broken is not passed over`() throws {
        let broken = [
            try folder.link("dangling", to: "nowhere"),
            try folder.makeDirectory("directory"),
            try folder.write("proxy_execution_mode = x\n", to: "invalid"),
            try folder.write(Self.text, to: "file").appending("worker.conf"),
        ]
        for file in broken {
            #expect(throws: ConfigurationError.self, "\(file)") { try WorkerConfiguration.loadIfPresent(from: file) }
        }
    }

    @Test
    func `A symbolic link is followed, wherever it stands in the path`() throws {
        try folder.makeDirectory("real")
        try folder.write(Self.text, to: "real/worker.conf")
        try accepts(try folder.link("qb.conf", to: "real/worker.conf"))
        try accepts(try folder.link("absolute.conf", to: folder.path.appending("real/worker.conf").string))
        try folder.link("directory", to: "./real/../real/.")
        try accepts(folder.path.appending("directory/worker.conf"))
        try accepts(try folder.link("twice", to: "qb.conf"))
    }

    @Test
    func `A link that leads nowhere or in circles is an error of its own`() throws {
        let dangling = try refusal(try folder.link("dangling", to: "nowhere"))
        #expect(dangling.code == .unreadable)
        #expect(dangling.diagnostics.map(\.code) == [.brokenLink])
        try folder.link("a", to: "b")
        let circle = try refusal(try folder.link("b", to: "a"))
        #expect(circle.diagnostics.map(\.code) == [.brokenLink])
        #expect("\(circle)".contains("more than 40 symbolic links"))
    }

    @Test("A named pipe, a directory or a device is refused at once", arguments: [true, false])
    func notRegular(trusted: Bool) throws {
        let trust = trusted ? ConfigurationTrust.trusted : .readOnly
        let pipe = folder.path.appending("pipe")
        try folder.check(unsafe mkfifo(pipe.string, 0o600))
        for (file, kind) in [
            (pipe, "a named pipe"), (folder.path, "a directory"), ("/", "a directory"),
            (folder.path.appending("."), "a directory"),
        ] {
            let error = try refusal(file, trust: trust)
            #expect(error.code == .unreadable)
            #expect("\(error)" == "\(file): error: it is \(kind); name a regular file")
        }
        #expect(try refusal("/dev/zero", trust: .readOnly).diagnostics.map(\.code) == [.notRegularFile])
    }

    @Test(
        "A file that others can write is refused with its mode",
        arguments: [mode_t(0o664), 0o646, 0o666, 0o620]
    )
    func writableByOthers(mode: mode_t) throws {
        let file = try folder.write(Self.text, to: "qb.conf", mode: mode)
        let error = try refusal(file)
        #expect(error.code == .untrusted)
        #expect(
            "\(error)"
                == "\(file): error: \(file) is a regular file of user id \(geteuid()) with mode "
                + "0\(String(mode, radix: 8)), so others than its owner can change whom jobs run as; chmod go-w \(file)"
        )
        try accepts(file, trust: .readOnly)
    }

    @Test
    func `A directory on the way that others can write is refused, unless it is sticky`() throws {
        let directory = try folder.makeDirectory("etc", mode: 0o775)
        let file = try folder.write(Self.text, to: "etc/qb.conf")
        let error = try refusal(file)
        #expect(error.diagnostics.map(\.code) == [.untrustedMode])
        #expect("\(error)".contains("\(directory) is a directory of user id \(geteuid()) with mode 0775"))
        #expect("\(error)".hasSuffix("; chmod go-w \(directory)"))
        try accepts(file, trust: .readOnly)
        try folder.check(unsafe chmod(directory.string, 0o1777))
        try accepts(file)
    }

    @Test
    func `What a link leads through is looked at as well`() throws {
        try folder.makeDirectory("open", mode: 0o777)
        try folder.write(Self.text, to: "open/qb.conf")
        let link = try folder.link("qb.conf", to: "open/qb.conf")
        #expect(try refusal(link).diagnostics.map(\.code) == [.untrustedMode])
        try folder.write(Self.text, to: "target", mode: 0o666)
        #expect(try refusal(try folder.link("other", to: "target")).diagnostics.map(\.code) == [.untrustedMode])
    }

    @Test(.enabled("giving files away needs root") { geteuid() == 0 })
    func `A file, a directory or a link of somebody else is refused with the owner`() throws {
        let file = try folder.write(Self.text, to: "foreign")
        try folder.check(unsafe chown(file.string, 12_345, 0))
        let error = try refusal(file)
        #expect(error.code == .untrusted)
        #expect(
            "\(error)"
                == "\(file): error: \(file) is a regular file of user id 12345 with mode 0644, and only root may decide "
                + "whom jobs run as; chown root \(file)"
        )
        try accepts(file, trust: .readOnly)

        let directory = try folder.makeDirectory("theirs")
        let inside = try folder.write(Self.text, to: "theirs/qb.conf")
        try folder.check(unsafe chown(directory.string, 12_345, 0))
        #expect(try refusal(inside).diagnostics.map(\.code) == [.untrustedOwner])

        try folder.write(Self.text, to: "ours")
        let link = try folder.link("link", to: "ours")
        try folder.check(unsafe lchown(link.string, 12_345, 0))
        let linkError = try refusal(link)
        #expect(linkError.diagnostics.map(\.code) == [.untrustedOwner])
        #expect("\(linkError)".hasSuffix("; chown -h root \(link)"))
        try accepts(link, trust: .readOnly)
    }

    @Test
    func `A file is read up to one mebibyte and no further`() throws {
        let line = "# " + String(repeating: "x", count: 1_021) + "\n"
        let largest = Self.text + String(repeating: line, count: 1_023)
        let padding = String(repeating: "#", count: (1 << 20) - largest.utf8.count)
        try accepts(try folder.write(largest + padding, to: "largest"))
        let error = try refusal(try folder.write(largest + padding + "#", to: "larger"))
        #expect(error.diagnostics.map(\.code) == [.tooLarge])
    }

    @Test
    func `Zero bytes and other encodings are refused with their lines`() throws {
        var bytes = Array("proxy_account = render\nworker_description = ".utf8)
        bytes += [0xE9, 0x0A] + Array("worker_cpus = 1".utf8) + [0x00, 0x0A, 0xC3]
        let error = try refusal(try folder.write(bytes, to: "qb.conf"))
        #expect(error.code == .invalid)
        #expect(error.diagnostics.map(\.code) == [.notUTF8, .controlCharacter, .notUTF8])
        #expect(error.diagnostics.map(\.line) == [2, 3, 4])
    }

    @Test
    func `A password in a file that everybody can read is a warning`() throws {
        let text = Self.text + "proxy_password = 06dee4\n"
        let open = try folder.write(text, to: "open", mode: 0o644)
        #expect(
            try WorkerConfiguration.load(from: open).diagnostics.map(\.description) == [
                "\(open): warning: the file holds a password and everybody can read it; chmod o-r \(open)"
            ]
        )
        let closed = try folder.write(text, to: "closed", mode: 0o640)
        #expect(try WorkerConfiguration.load(from: closed).diagnostics.isEmpty)
        let url = try folder.write(Self.text + "state = postgresql://u:pw@h/d\n", to: "url", mode: 0o644)
        #expect(try WorkerConfiguration.load(from: url).diagnostics.map(\.code) == [.secretReadableByAll])
        let map = try folder.write(Self.text + "database_password = x\n", to: "other", mode: 0o644)
        #expect(try WorkerConfiguration.load(from: map).diagnostics.map(\.code) == [.secretReadableByAll])
    }

    @Test
    func `A path is shown without what a terminal would obey`() throws {
        let error = try refusal(folder.path.appending("a\u{1B}[2Kb"))
        #expect("\(error)".contains("a\\u{1b}[2Kb does not exist"))
        #expect(!"\(error)".unicodeScalars.contains("\u{1B}"))
    }

    @Test
    func `Loading leaves no descriptor open, whether it succeeds or not`() throws {
        let good = try folder.write(Self.text, to: "good")
        try folder.link("link", to: "good")
        let bad = try folder.write(Self.text, to: "bad", mode: 0o666)
        let paths = [good, folder.path.appending("link"), bad, folder.path, folder.path.appending("none")]
        // Other tests open and close descriptors meanwhile, so the ones that are looked for are those of this folder.
        for path in paths { _ = try? WorkerConfiguration.load(from: path) }
        let own = try openFiles().filter { $0.hasPrefix(folder.path.string) }
        #expect(own.isEmpty)
    }

    private func openFiles() throws -> [String] {
        (0..<1_024)
            .compactMap { number in
                var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
                let count = unsafe buffer.withUnsafeMutableBytes { bytes -> Int in
                    guard let start = unsafe bytes.bindMemory(to: CChar.self).baseAddress else { return -1 }
                    return unsafe readlink("/proc/self/fd/\(number)", start, bytes.count)
                }
                return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
            }
    }
}
