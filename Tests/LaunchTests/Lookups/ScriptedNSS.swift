import Glibc
import LaunchProtocol
import NameLookup
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// The module of the name service that the bed brings (`Tests/NameServiceModule`), asked behind the local files for as long as
/// this lives.
final class ScriptedNSS {
    /// Where the module is controlled; `nil` where there is none.
    static let directory = TestBed.variable("IMPERSONATION_TEST_BED_NSS").map { FilePath($0) }

    static let helper = FilePath("\(TestBed.directory)/bin/impersonation-helper")

    private static let file: FilePath = "/etc/nsswitch.conf"

    private let former: String

    /// Has the name service ask others.
    ///
    /// - Parameter services: The services for accounts and groups.
    /// - Throws: When the file of the bed cannot be replaced.
    init(_ services: String = "files hesiod") throws {
        former = try ProcFile.read(Self.file)
        try Self.write("passwd: \(services)\ngroup: \(services)\n", to: Self.file)
    }

    deinit {
        thaw()
        try? Self.write(former, to: Self.file)
    }

    /// Has the module hang over everything.
    func freeze() throws { try Self.write("", to: try #require(Self.directory).appending("hangs")) }

    /// Has the module hang over everything after so many answers.
    func freeze(afterAnswers count: Int) throws {
        let text = String(repeating: "x", count: count)
        try Self.write(text, to: try #require(Self.directory).appending("answers"))
    }

    func thaw() {
        guard let directory = Self.directory else { return }
        for file in ["hangs", "answers"] { unsafe unlink(directory.appending(file).string) }
    }

    /// As programs that administer a machine do it: a file with another inode.
    private static func write(_ text: String, to path: FilePath) throws {
        let new = FilePath(path.string + ".new")
        let file = try FileDescriptor.open(
            new,
            .writeOnly,
            options: [.create, .truncate],
            permissions: [.ownerReadWrite, .groupRead, .otherRead]
        )
        try file.closeAfter { _ = try file.writeAll(text.utf8) }
        try #require(unsafe rename(new.string, path.string) == 0)
    }
}

extension Trait where Self == ConditionTrait {
    /// Runs the test only where the bed has the module, and root's.
    static var scriptedNSS: Self {
        .enabled(
            if: TestBed.isActive && ScriptedNSS.directory != nil,
            "needs the test bed, and a glibc that brings libnss_hesiod: make test"
        )
    }
}

extension LookupThreads {
    /// Threads that find an account which nobody else finds, with the numbers of root.
    static func ofRoot(_ name: String) -> LookupThreads {
        let entry = PasswdEntry(
            name: name,
            userID: UserID(rawValue: 0),
            groupID: GroupID(rawValue: 0),
            homeDirectory: "/",
            shell: "/bin/sh"
        )
        return LookupThreads { _ in .passwd(entry) }
    }
}

/// The processes that this one has started and that have not been reaped.
func childrenOfThisProcess() -> Set<pid_t> {
    Set(
        namesIn("/proc/self/task")
            .flatMap { task -> [pid_t] in
                let text = (try? ProcFile.read(FilePath("/proc/self/task/\(task)/children"))) ?? ""
                return text.split(separator: " ").compactMap { pid_t($0) }
            }
    )
}

/// How many threads this process has.
func countThreads() -> Int { namesIn("/proc/self/task").count }

/// What is in a directory.
func namesIn(_ path: String) -> [String] {
    guard let directory = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(directory) }
    return unsafe DirectoryNames(directory).filter { !$0.hasPrefix(".") }
}
