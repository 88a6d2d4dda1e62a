import Glibc
package import SystemPackage

/// Repeats calls of the name service until their answer fits.
package enum NameServiceBuffer {
    /// What one call came to.
    package enum Attempt<Value: Sendable> {
        /// It wrote an entry, read before the buffer goes away.
        case answer(NameServiceAnswer<Value>)

        /// It wrote no entry and returned this number.
        case nothing(CInt)
    }

    /// Most entries fit; a group with many members does not.
    package static let initialSize = 4 << 10

    /// 4 MiB hold a group of a quarter of a million members.
    package static let maximumSize = 4 << 20

    /// The largest number of groups Linux gives a process: `NGROUPS_MAX`.
    package static let maximumGroups = 65_536

    /// A module that returns `EINTR` for ever is not asked for ever.
    private static let maximumInterruptions = 16

    /// Calls one of the `_r` functions of `getpwnam_r(3)` and `getgrnam_r(3)` with a buffer that grows on `ERANGE`.
    @unsafe
    package static func lookUp<Value>(
        _ call: (_ buffer: UnsafeMutablePointer<CChar>, _ size: Int) -> Attempt<Value>
    ) -> NameServiceAnswer<Value> {
        var size = initialSize
        var interruptions = 0
        while true {
            let attempt = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { buffer in
                guard let base = buffer.baseAddress else { return Attempt<Value>.nothing(ENOMEM) }
                return unsafe call(base, buffer.count)
            }
            switch attempt {
            case .answer(let answer):
                return answer
            case .nothing(0):
                return .absent
            case .nothing(EINTR) where interruptions < maximumInterruptions:
                interruptions += 1
            case .nothing(ERANGE):
                guard size < maximumSize else { return .tooLarge }
                size *= 4
            case .nothing(let number):
                return .failed(Errno(rawValue: number))
            }
        }
    }

    /// Calls `getgrouplist(3)` with a list that grows to the number of groups it asks for.
    @unsafe
    package static func list(
        _ call: (_ groups: UnsafeMutablePointer<UInt32>, _ count: inout CInt) -> CInt
    ) -> NameServiceAnswer<[GroupID]> {
        var capacity = 64
        while true {
            var count = CInt(capacity)
            let groups = unsafe withUnsafeTemporaryAllocation(of: gid_t.self, capacity: capacity) {
                buffer -> [GroupID]? in
                // glibc stores no more than there is room for, whatever it returns in count.
                unsafe buffer.initialize(repeating: 0)
                guard let base = buffer.baseAddress, unsafe call(base, &count) >= 0, count <= capacity else {
                    return nil
                }
                return unsafe buffer.prefix(Int(count)).map { GroupID(rawValue: $0) }
            }
            if let groups { return .found(groups) }
            // Without a larger number than there was room for, the list was not too short: memory was.
            guard count > capacity else { return .failed(.noMemory) }
            guard count <= maximumGroups else { return .tooLarge }
            // Groups may be added between two calls.
            capacity = min(max(Int(count), capacity * 2), maximumGroups)
        }
    }
}
