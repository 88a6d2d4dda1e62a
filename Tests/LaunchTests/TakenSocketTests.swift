import CLaunchPlan
import Faults
import Glibc
import Impersonation
import SystemPackage
import Testing

/// The account that could hold up the close.
private let account = UserID(rawValue: TestBed.alice.userID)

@Suite("A socket that a launcher brings along late, or twice")
struct TakenSocketTests {
    private static let urgent = Int32(MSG_OOB)

    private func pair() throws -> (daemon: FileDescriptor, job: FileDescriptor) {
        var ends: [Int32] = [-1, -1]
        try #require(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        return (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
    }

    private func option(_ option: Int32, of socket: FileDescriptor) throws -> Int32 {
        var value: Int32 = -1
        var size = socklen_t(MemoryLayout<Int32>.size)
        try #require(unsafe getsockopt(socket.rawValue, SOL_SOCKET, option, &value, &size) == 0)
        return value
    }

    @Test("is closed by another thread with what the job had sent along by then", arguments: [0, urgent])
    func descriptors(_ flags: Int32) async throws {
        let (daemon, job) = try pair()
        let pipe = try FileDescriptor.pipe()
        try #require(unsafe held_page_send_descriptor(job.rawValue, pipe.writeEnd.rawValue, "w", 1, flags) == 0)
        try pipe.writeEnd.close()
        let output = try ProcessOutput(takingOver: daemon, account: account)
        try job.closeAfter { _ = try job.writeAll("after".utf8) }
        #expect(try await text(of: output).isEmpty)
        try await until(pipe.readEnd, says: POLLHUP)
        try pipe.readEnd.close()
    }

    @Test(
        "is looked at for good where something was there already, and for descriptors alone",
        arguments: [true, false]
    )
    func look(_ isEarly: Bool) throws {
        let (daemon, job) = try pair()
        defer { for end in [daemon, job] { try? end.close() } }
        var yes: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        try #require(unsafe setsockopt(daemon.rawValue, SOL_SOCKET, SO_PASSCRED, &yes, size) == 0)
        if isEarly { try job.writeAll("said".utf8) }
        var takes: Int32 = -1
        #expect(unsafe linux_stream_take(daemon.rawValue, 1, &takes) == 0)
        if isEarly { #expect(takes == 1) } else { try job.writeAll("said".utf8) }
        #expect(try option(SO_PASSCRED, of: daemon) == 0)
        #expect(try option(SO_OOBINLINE, of: daemon) == 1)
        var bytes = [UInt8](repeating: 0, count: 100)
        // As on a kernel that cannot refuse descriptors.
        let count = unsafe linux_stream_read(daemon.rawValue, &bytes, bytes.count, 1)
        #expect(bytes.prefix(max(count, 0)) == Array("said".utf8)[...])
    }

    @Test("is not changed where it is refused")
    func unconnected() throws {
        let alone = FileDescriptor(rawValue: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        defer { try? alone.close() }
        var yes: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        try #require(unsafe setsockopt(alone.rawValue, SOL_SOCKET, SO_PASSCRED, &yes, size) == 0)
        var takes: Int32 = -1
        #expect(unsafe linux_stream_take(alone.rawValue, 1, &takes) == -ENOTCONN)
        #expect(try option(SO_PASSCRED, of: alone) == 1)
        #expect(takes == -1)
    }

    @Test("of another family is read to its end, though it tells when each byte has come")
    func network() async throws {
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let (listener, job) = (
            socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        )
        defer { close(listener) }
        var length = size
        let isConnected = unsafe withUnsafeMutablePointer(to: &place) { place in
            unsafe place.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                unsafe bind(listener, place, size) == 0 && listen(listener, 1) == 0
                    && getsockname(listener, place, &length) == 0 && connect(job, place, size) == 0
            }
        }
        try #require(isConnected)
        let daemon = FileDescriptor(rawValue: accept(listener, nil, nil))
        var yes: Int32 = 1
        let ofOne = socklen_t(MemoryLayout<Int32>.size)
        try #require(unsafe setsockopt(daemon.rawValue, SOL_SOCKET, SO_TIMESTAMP, &yes, ofOne) == 0)
        try FileDescriptor(rawValue: job).closeAfter { _ = try FileDescriptor(rawValue: job).writeAll("whole".utf8) }
        // It is there before the socket is taken over.
        var ready = pollfd(fd: daemon.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(unsafe poll(&ready, 1, -1) == 1)
        #expect(try await text(of: ProcessOutput(takingOver: daemon, account: account)) == "whole")
    }

    @Test("is refused as long as another stream has it, and so is a pipe and a terminal")
    func twice() async throws {
        let (daemon, job) = try pair()
        let pipe = try FileDescriptor.pipe()
        var sides: (master: Int32, slave: Int32) = (-1, -1)
        try #require(unsafe openpty(&sides.master, &sides.slave, nil, nil, nil) == 0)
        let master = FileDescriptor(rawValue: sides.master)
        let output = try ProcessOutput(takingOver: daemon, account: account)
        let input = try ProcessInput(takingOver: pipe.writeEnd, account: account)
        let terminal = try PseudoTerminal(takingOver: master, account: account)
        for descriptor in [daemon, pipe.writeEnd, master] {
            let ways: [() throws -> Void] = [
                { _ = try ProcessInput(takingOver: descriptor, account: account) },
                { _ = try ProcessOutput(takingOver: descriptor, account: account) },
                { _ = try PseudoTerminal(takingOver: descriptor, account: account) },
            ]
            for take in ways {
                let error = #expect(throws: StreamError.self, performing: take)
                #expect(error?.code == .taken)
                #expect(error?.message.contains("is another stream's already") == true)
            }
        }
        // Neither was closed by a stream that was refused.
        try job.writeAll("whole".utf8)
        try job.close()
        #expect(try await text(of: output) == "whole")
        try await input.write([1])
        try terminal.resize(rows: 2, columns: 3)
        input.close()
        terminal.close()
        close(sides.slave)
        try pipe.readEnd.close()
    }

    @Test("may have the number of one that a stream has closed")
    func again() async throws {
        var numbers: Set<Int32> = []
        while true {
            let (daemon, job) = try pair()
            defer { try? job.close() }
            try ProcessOutput(takingOver: daemon, account: account).close()
            // It is closed by another thread, and sooner or later the number comes again.
            guard numbers.insert(daemon.rawValue).inserted else { return }
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}
