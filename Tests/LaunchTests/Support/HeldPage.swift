import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

/// A file whose pages never come, on a file system of an account's own: the kernel stands still wherever it copies from or
/// to such a page, until the server of the file system is gone.
struct HeldPage {
    /// The file.
    let file: String

    /// A directory that nobody gets into, with whose entering it is as with the pages of the file.
    var room: FilePath { FilePath(directory).appending("room") }

    private let directory: String
    private let page: held_page

    /// Mounts the file system.
    ///
    /// - Parameter person: Who may use it.
    /// - Throws: What keeps it from being mounted.
    init(of person: TestBed.Person) throws {
        directory = freshPath("held").string
        try #require(unsafe mkdir(directory, 0o755) == 0)
        var page = held_page()
        try #require(unsafe held_page_mount(directory, person.userID, &page) == 0)
        self.page = page
        file = "\(directory)/page"
    }

    /// Waits until somebody stands still; not with the reactor, which may be the one.
    func isTouched() async throws {
        let asked = page.asked
        let isReached = try await isInTime {
            var event = pollfd(fd: asked, events: Int16(POLLIN), revents: 0)
            while unsafe poll(&event, 1, 0) == 0 { await Task.yield() }
        }
        try #require(isReached)
    }

    /// A pipe that somebody stands in the middle of: whoever lets go of it last waits until the page comes.
    func heldPipe() async throws -> (pipe: OwnedDescriptor, holder: LaunchedProcess) {
        let ends = try FileDescriptor.pipe()
        var command = Command(.path(FilePath(TestBed.probe)), arguments: ["--write-from", file])
        command.standardOutput = .descriptor(ends.writeEnd)
        let holder = try await SetUIDLauncher().launch(patient(command), as: TestBed.alice.identity)
        try await isTouched()
        try ends.writeEnd.close()
        return (try OwnedDescriptor(moving: ends.readEnd.rawValue), holder)
    }

    /// Lets everybody go.
    func release() {
        unsafe held_page_release(directory, page)
    }
}

/// Waits for something that must not be held up.
///
/// - Returns: What came of it; `nil` when it takes too long, and it is not waited for any more then.
func inTime<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) async throws -> R? {
    let (results, continuation) = AsyncThrowingStream.makeStream(of: R?.self)
    let work = Task {
        do {
            continuation.yield(try await body())
        } catch {
            continuation.finish(throwing: error)
        }
    }
    let clock = Task {
        try await Task.sleep(for: .seconds(10))
        continuation.yield(nil)
    }
    defer {
        work.cancel()
        clock.cancel()
    }
    for try await result in results { return result }
    return nil
}

/// Whether something is done that must not be held up.
func isInTime(_ body: @escaping @Sendable () async throws -> Void) async throws -> Bool {
    let isDone = try await inTime {
        try await body()
        return true
    }
    return isDone ?? false
}
