import Faults
import Glibc
import Testing

/// What ``DaemonState`` compares, it really compares: a launch that changed it would be found out.
@Suite("What a launch must not change in its daemon", .testBed)
struct DaemonStateTests {
    /// Something that is changed, and how the state calls it.
    struct Change: Codable, Sendable, CustomTestStringConvertible {
        let change: UInt32
        let name: String

        init(_ change: daemon_change, _ name: String) {
            self.change = change.rawValue
            self.name = name
        }

        var testDescription: String { "\(name) (\(change))" }
    }

    private static let changes = [
        Change(DAEMON_CHANGE_UMASK, "umask"),
        Change(DAEMON_CHANGE_DUMPABLE, "dumpable"),
        Change(DAEMON_CHANGE_LIMIT, "limits"),
        Change(DAEMON_CHANGE_DISPOSITION, "SigIgn"),
        Change(DAEMON_CHANGE_DIRECTORY, "directory"),
        Change(DAEMON_CHANGE_ENVIRONMENT, "environment"),
        Change(DAEMON_CHANGE_TIMER, "timers"),
        Change(DAEMON_CHANGE_MASK, "SigBlk"),
        Change(DAEMON_CHANGE_USER_ID, "Uid"),
        Change(DAEMON_CHANGE_GROUP_ID, "Gid"),
        Change(DAEMON_CHANGE_GROUPS, "Groups"),
        Change(DAEMON_CHANGE_CAPABILITIES, "CapEff"),
        Change(DAEMON_CHANGE_BOUNDING_SET, "CapBnd"),
        Change(DAEMON_CHANGE_NO_NEW_PRIVILEGES, "NoNewPrivs"),
        Change(DAEMON_CHANGE_NICENESS, "niceness"),
    ]

    @Test("is all that can be changed here")
    func complete() {
        #expect(Self.changes.map(\.change) == Array(0..<DAEMON_CHANGE_COUNT.rawValue))
    }

    @Test("is seen when one thread of it changes", arguments: Self.changes)
    func seen(_ change: Change) async throws {
        await #expect(processExitsWith: .success) { [change = change as Change] in
            // As in every program of the concurrency runtime: what the first thread has says nothing of the others.
            #expect(DaemonState.witness != getpid())
            let before = try await DaemonState.atRest()
            let unchanged = try await before.changes()
            #expect(unchanged == [])
            #expect(daemon_thread_change(Int32(change.change)) == 0)
            let found = before.differences(to: DaemonState())
            #expect(found.contains(change.name), "only \(found) was seen")
        }
    }
}
