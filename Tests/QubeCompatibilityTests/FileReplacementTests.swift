import Glibc
import Impersonation
import SystemPackage
import Testing
import TrustedFiles

@testable import QubeCompatibility

@Suite("A file that changes while it is read")
struct FileReplacementTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// What happens to the file between the look at it and its opening.
    enum Interference: CaseIterable {
        case anotherFile
        case symbolicLink
        case namedPipe
        case nothingThere
        case directory
    }

    @Test("What takes the file's place after the look at it is not read", arguments: Interference.allCases)
    func replaced(by interference: Interference) throws {
        let file = try folder.write("proxy_account = render\n", to: "qb.conf")
        try folder.write("proxy_account = mallory\n", to: "evil")
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationFileReader.read(file, trust: .trusted) {
                guard $0 == .opening else { return }
                #expect(unsafe rename(file.string, file.string + ".old") == 0)
                switch interference {
                case .anotherFile:
                    #expect(unsafe rename(folder.path.appending("evil").string, file.string) == 0)
                case .symbolicLink: #expect(unsafe symlink("evil", file.string) == 0)
                case .namedPipe: #expect(unsafe mkfifo(file.string, 0o600) == 0)
                case .directory: #expect(unsafe mkdir(file.string, 0o700) == 0)
                case .nothingThere: break
                }
            }
        }
        #expect(error.code == .unreadable)
        #expect(error.diagnostics.map(\.code) == [.changedWhileReading])
        #expect("\(error)".hasSuffix("\(file) was replaced while it was opened; load it again"))
    }

    @Test
    func `A mode that is loosened after the look at it is seen`() throws {
        let file = try folder.write("proxy_account = render\n", to: "qb.conf")
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationFileReader.read(file, trust: .trusted) { _ in
                #expect(unsafe chmod(file.string, 0o666) == 0)
            }
        }
        #expect(error.diagnostics.map(\.code) == [.untrustedMode])
    }

    @Test
    func `A file that is written to while it is read is refused, and the remedy is a rename`() throws {
        let file = try folder.write("proxy_account = render\n", to: "qb.conf")
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationFileReader.read(file, trust: .trusted) {
                guard $0 == .reading else { return }
                #expect(unsafe truncate(file.string, 5) == 0)
            }
        }
        #expect(error.diagnostics.map(\.code) == [.changedWhileReading])
        #expect("\(error)".hasSuffix("; write a new file beside it and rename that over it"))
    }

    @Test
    func `A directory that is moved away after the look at it does not matter`() throws {
        try folder.makeDirectory("etc")
        let file = try folder.write("proxy_account = render\n", to: "etc/qb.conf")
        let directory = folder.path.appending("etc").string
        let contents = try ConfigurationFileReader.read(file, trust: .trusted) {
            guard $0 == .opening else { return }
            #expect(unsafe rename(directory, directory + ".old") == 0)
            #expect(unsafe mkdir(directory, 0o700) == 0)
        }
        #expect(contents.text == "proxy_account = render\n")
    }

    @Test
    func `However often a link is swapped, only what may be trusted is read`() throws {
        try folder.write("proxy_account = render\n", to: "one")
        try folder.write("proxy_account = other\n", to: "two")
        try folder.write("proxy_account = mallory\n", to: "evil", mode: 0o666)
        let file = try folder.link("qb.conf", to: "one")
        let path = file.string
        var seen: Set<String> = []
        for round in 0..<600 {
            // The swap falls between the look at the link's target and the opening of it.
            let contents = try? ConfigurationFileReader.read(file, trust: .trusted) { _ in
                swap(path, to: ["one", "two", "evil"][round % 3])
            }
            if let contents { seen.insert(contents.text) }
        }
        #expect(seen == ["proxy_account = render\n", "proxy_account = other\n"])
    }

    /// Points a link elsewhere in one step, as `ln -sfn` and a rename do.
    private func swap(_ link: String, to target: String) {
        #expect(unsafe symlink(target, link + ".new") == 0)
        #expect(unsafe rename(link + ".new", link) == 0)
    }
}
