import CCapability
import Glibc
import SystemPackage

/// The terminal that is standard input, as one process of several has it, and the signals that go with that.
enum JobControl {
    /// Waits until this process is in the foreground of its terminal, stopped as others are that want it.
    ///
    /// What was typed until then is thrown away.
    ///
    /// - Throws: `Errno` when nobody can bring it there.
    static func awaitForeground() throws(Errno) {
        // The kernel stops who flushes from the background, and starts the call again when it goes on.
        try allowing([SIGTTIN, SIGTTOU]) { () throws(Errno) in
            try repeated { tcflush(STDIN_FILENO, TCIFLUSH) }
        }
        // Where SIGTTOU is ignored the flush is done, and the terminal is somebody else's still.
        guard isInForeground else { throw .ioError }
    }

    /// How the terminal is set.
    static func settings() throws(Errno) -> termios {
        var settings = termios()
        try repeated { unsafe tcgetattr(STDIN_FILENO, &settings) }
        return settings
    }

    /// Sets the terminal, and throws away what was typed.
    static func set(_ settings: termios) throws(Errno) {
        var settings = settings
        try allowing([SIGTTIN, SIGTTOU]) { () throws(Errno) in
            try repeated { unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) }
        }
    }

    /// Whether the terminal is this process's, or one that no processes take turns at.
    static var isInForeground: Bool {
        let foreground = tcgetpgrp(STDIN_FILENO)
        return foreground < 0 || foreground == getpgrp()
    }

    /// Ends this process as a signal does that nobody catches.
    static func raise(_ raised: Int32) -> Never {
        signal(raised, SIG_DFL)
        allowing([raised]) { _ = Glibc.raise(raised) }
        // Process 1 of a pid namespace survives what it does not catch (pid_namespaces(7)).
        _exit(128 + raised)
    }

    /// Whether a signal that this thread does not get waits for somebody who does.
    static func isPending(_ signal: Int32) -> Bool {
        var pending = sigset_t()
        return unsafe sigpending(&pending) == 0 && sigismember(&pending, signal) == 1
    }

    /// Lets signals through to this thread, which queues are kept from by their own mask.
    static func allowing<Failure: Error>(
        _ signals: [Int32],
        _ body: () throws(Failure) -> Void
    ) throws(Failure) {
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        for signal in signals { unsafe sigaddset(&mask, signal) }
        var former = sigset_t()
        unsafe pthread_sigmask(SIG_UNBLOCK, &mask, &former)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &former, nil) }
        try body()
    }

    private static func repeated(_ call: () -> Int32) throws(Errno) {
        while call() != 0 {
            guard errno == EINTR else { throw Errno(rawValue: errno) }
        }
    }
}
