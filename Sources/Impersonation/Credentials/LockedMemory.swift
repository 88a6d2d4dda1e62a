import CLaunchPlan
import Glibc
import SystemPackage

/// One page of memory for one secret: never swapped out, not in core dumps, not in forked children, wiped when it goes.
@safe
struct LockedMemory: ~Copyable, @unchecked Sendable {
    /// How the kernel keeps the page to this process.
    enum Protection: Sendable, CaseIterable {
        /// `memfd_secret(2)`: taken out of the kernel's own mapping, so that neither `ptrace(2)`, `/proc/PID/mem` nor
        /// a leak in the kernel reads it, whatever the privilege; wiped by the kernel however the process ends. It is
        /// not there in forked children (`MADV_DONTFORK`). While one exists the machine does not hibernate.
        case hidden

        /// An anonymous mapping with `mlock(2)`, `MADV_DONTDUMP` and `MADV_WIPEONFORK`: forked children see zeros.
        case locked
    }

    /// How the kernel keeps the page to this process.
    let protection: Protection

    /// The size of the memory in bytes: one page.
    let size: Int

    private let base: UnsafeMutableRawPointer

    /// The process that mapped the page.
    private let owner: pid_t

    /// Maps a page of zeros, hidden where the kernel can, locked otherwise.
    ///
    /// Measured on Linux 6.18: 21 microseconds to map and 6 to wipe and unmap a hidden page, 7 and 2 a locked one,
    /// against 500 for the launch that needs it. Either counts a page against `RLIMIT_MEMLOCK`.
    ///
    /// - Throws: ``CredentialStoreError`` with the code `memoryUnavailable` when the page could not be locked.
    init() throws(CredentialStoreError) {
        do throws(CredentialStoreError) {
            try self.init(.hidden)
        } catch {
            try self.init(.locked)
        }
    }

    /// Maps a page of zeros.
    ///
    /// - Parameter protection: How the kernel has to keep it to this process.
    /// - Throws: ``CredentialStoreError`` with the code `memoryUnavailable` when it could not.
    init(_ protection: Protection) throws(CredentialStoreError) {
        let size = sysconf(Int32(_SC_PAGESIZE))
        do throws(Errno) {
            unsafe self.base =
                switch protection {
                case .hidden: try unsafe Self.mapHidden(size)
                case .locked: try unsafe Self.mapLocked(size)
                }
        } catch {
            throw Self.unavailable(error, size: size)
        }
        self.owner = getpid()
        self.protection = protection
        self.size = size
    }

    deinit {
        // In a forked child a hidden page is not there, and something else may be in its place by now.
        if protection == .hidden, getpid() != owner { return }
        unsafe explicit_bzero(base, size)
        unsafe munmap(base, size)
    }

    /// Lends the memory for reading.
    borrowing func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let buffer = unsafe UnsafeRawBufferPointer(start: base, count: size)
        return try unsafe body(RawSpan(_unsafeBytes: buffer))
    }

    /// Lends the memory for writing; only before it is shared with anybody.
    borrowing func withMutableBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeMutableRawBufferPointer(start: base, count: size))
    }

    private static func mapHidden(_ size: Int) throws(Errno) -> UnsafeMutableRawPointer {
        let descriptor = linux_secret_memory_create()
        guard descriptor >= 0 else { throw Errno(rawValue: -descriptor) }
        defer { close(descriptor) }
        guard ftruncate(descriptor, size) == 0 else { throw Errno(rawValue: errno) }
        return try unsafe map(size, flags: MAP_SHARED, descriptor: descriptor, advice: [MADV_DONTDUMP, MADV_DONTFORK])
    }

    private static func mapLocked(_ size: Int) throws(Errno) -> UnsafeMutableRawPointer {
        let base = try unsafe map(
            size,
            flags: MAP_PRIVATE | MAP_ANONYMOUS,
            descriptor: -1,
            advice: [MADV_DONTDUMP, MADV_WIPEONFORK]
        )
        let locked = unsafe linux_lock_memory(base, size)
        guard locked == 0 else {
            unsafe munmap(base, size)
            throw Errno(rawValue: -locked)
        }
        return unsafe base
    }

    private static func map(
        _ size: Int,
        flags: Int32,
        descriptor: Int32,
        advice: [Int32]
    ) throws(Errno) -> UnsafeMutableRawPointer {
        guard let base = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, flags, descriptor, 0), unsafe base != MAP_FAILED
        else { throw Errno(rawValue: errno) }
        for advice in advice where unsafe madvise(base, size, advice) != 0 {
            let failure = Errno(rawValue: errno)
            unsafe munmap(base, size)
            throw failure
        }
        return unsafe base
    }

    private static func unavailable(_ failure: Errno, size: Int) -> CredentialStoreError {
        var limit = rlimit()
        let known = unsafe getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0
        let allowed = known && limit.rlim_cur != rlim_t.max ? "\(limit.rlim_cur) bytes" : "not limited"
        return CredentialStoreError(
            .memoryUnavailable,
            message: "memory for a secret could not be locked (\(failure)): each secret takes \(size) bytes and "
                + "RLIMIT_MEMLOCK is \(allowed); raise it (systemd: LimitMEMLOCK=, shell: ulimit -l) or give the "
                + "process CAP_IPC_LOCK"
        )
    }
}
