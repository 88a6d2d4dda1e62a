import Glibc
import SystemPackage

/// Starts threads of our own, for work that blocks.
enum OwnThread {
    /// Modules of the name service and PAM put large buffers on the stack; glibc's default of 8 MiB is address space
    /// that a process with many limits may not have.
    private static let stackSize = 2 << 20

    private final class Entry: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a detached thread with every signal blocked: signals of the process go to threads that handle them.
    ///
    /// The corresponding C function is `pthread_create`.
    ///
    /// - Parameters:
    ///   - name: The name of the thread in `/proc`, at most 15 bytes.
    ///   - body: What the thread does.
    /// - Returns: Whether the thread was started; `false` when a limit is reached (`RLIMIT_NPROC`, `pids.max`).
    static func start(_ name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        defer { unsafe attributes.deallocate() }
        guard unsafe pthread_attr_init(attributes) == 0 else { return false }
        defer { unsafe pthread_attr_destroy(attributes) }
        unsafe pthread_attr_setdetachstate(attributes, CInt(PTHREAD_CREATE_DETACHED))
        unsafe pthread_attr_setstacksize(attributes, stackSize)

        // The mask is inherited: blocked here, there is no moment in which a signal could reach the new thread.
        var all = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&all)
        guard unsafe pthread_sigmask(SIG_SETMASK, &all, &before) == 0 else { return false }
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }

        let entry = unsafe Unmanaged.passRetained(Entry(name: name, body: body))
        var thread = pthread_t()
        let result = unsafe pthread_create(&thread, attributes, { unsafe OwnThread.enter($0) }, entry.toOpaque())
        guard result == 0 else {
            unsafe entry.release()
            return false
        }
        return true
    }

    private static func enter(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let argument = unsafe argument else { return nil }
        let entry = unsafe Unmanaged<Entry>.fromOpaque(argument).takeRetainedValue()
        setName(entry.name)
        entry.body()
        return nil
    }

    /// `pthread_setname_np(3)` is a GNU extension the Glibc module does not show; this is what it does itself.
    private static func setName(_ name: String) {
        guard let file = unsafe try? FileDescriptor.open("/proc/thread-self/comm", .writeOnly, options: .closeOnExec)
        else {
            return
        }
        _ = try? file.closeAfter { try file.writeAll(name.utf8) }
    }
}
