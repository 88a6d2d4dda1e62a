import CLaunchPlan
import Glibc
import SystemPackage
import Testing

@testable import LaunchPlan

/// A terminal of the daemon's: the two sides of a pseudo-terminal, which passes on byte by byte what is typed.
struct DaemonTerminal {
    let master: FileDescriptor
    let slave: FileDescriptor

    /// Makes a terminal.
    ///
    /// - Parameter isControlling: Whether it is that of this process, which leads a session of its own from then on; otherwise it
    ///   is nobody's.
    /// - Throws: When there is none to be had.
    init(isControlling: Bool) throws {
        var ends: (master: Int32, slave: Int32) = (-1, -1)
        try #require(unsafe linux_terminal_create(&ends.master, &ends.slave, 24, 80) == 0)
        master = FileDescriptor(rawValue: ends.master)
        slave = FileDescriptor(rawValue: ends.slave)
        if isControlling {
            try #require(setsid() > 0, "this process leads a group")
            try #require(ioctl(ends.slave, UInt(TIOCSCTTY), 0) == 0)
        }
        var settings = termios()
        try #require(unsafe tcgetattr(ends.slave, &settings) == 0)
        unsafe cfmakeraw(&settings)
        try #require(unsafe tcsetattr(ends.slave, TCSANOW, &settings) == 0)
    }

    /// Whether somebody has typed what nobody has read.
    var hasInput: Bool {
        var event = pollfd(fd: slave.rawValue, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&event, 1, 0) > 0
    }

    /// Types something.
    func type(_ text: String) throws { _ = try master.writeAll(text.utf8) }

    /// Whether the kernel lets a process push input into the terminal of its own session (Linux 6.2 can forbid it).
    static var ownInputCanBePushed: Bool {
        (try? ProcFile.read("/proc/sys/dev/tty/legacy_tiocsti")).map { $0.first == "1" } ?? true
    }
}
