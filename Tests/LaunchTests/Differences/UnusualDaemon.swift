import Glibc
import Testing

@testable import LaunchPlan

/// A daemon that has of everything something unusual, so that it can be seen where a job gets it.
enum UnusualDaemon {
    static let group: UInt32 = 4_242
    static let environment = [
        "PATH": "/daemon/bin:/usr/bin:/bin", "HOME": "/daemon", "USER": "daemon", "LOGNAME": "daemon",
        "SHELL": "/daemon/sh", "DAEMON_TOKEN": "secret",
    ]
    static let directory = "/usr"
    static let mask: mode_t = 0o027
    static let openFiles: UInt64 = 700
    /// More than the threads of any runtime have.
    static let niceness: Int32 = 15
    static let descriptor: Int32 = 9
    static let ignored = SIGHUP
    static let blocked = SIGUSR1
    static let keyring = "daemon"

    /// Makes this process one.
    static func become(_ userID: UInt32, groups: [UInt32]) {
        for (name, value) in environment { _ = unsafe setenv(name, value, 1) }
        #expect(unsafe chdir(directory) == 0)
        umask(mask)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        #expect(unsafe getrlimit(resource, &limit) == 0)
        limit.rlim_cur = rlim_t(openFiles)
        #expect(unsafe setrlimit(resource, &limit) == 0)
        signal(ignored, SIG_IGN)
        let file = unsafe open("/etc/passwd", O_RDONLY)
        #expect(dup2(file, descriptor) == descriptor)
        if file != descriptor { close(file) }
        #expect(unsafe setgroups(groups.count, groups) == 0)
        guard userID != 0 else { return }
        #expect(setgid(userID) == 0)
        #expect(setuid(userID) == 0)
    }

    /// Makes the threads of this process nice, and so those they make.
    ///
    /// The first one is left out: in a program of the concurrency runtime it is one that has ended to glibc
    /// (`dispatch_main` leaves it with `pthread_exit(3)`), so that `setuid(2)` has not reached it and it is root's to this day.
    static func becomeNice() {
        for thread in threads() where thread != getpid() {
            #expect(setpriority(__priority_which_t(PRIO_PROCESS.rawValue), UInt32(thread), niceness) == 0)
        }
    }

    private static func threads() -> [Int32] {
        guard let directory = unsafe opendir("/proc/self/task") else { return [] }
        defer { unsafe closedir(directory) }
        return unsafe DirectoryNames(directory).compactMap { Int32($0) }
    }
}
