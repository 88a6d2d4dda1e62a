import CHelperService
import Glibc
import LaunchPlan
import SystemPackage

/// Signals that a process of the helper reads instead of being interrupted by them (`signalfd(2)`).
enum HelperSignals {
    /// Blocks signals, and no others, and makes a descriptor to read them from.
    ///
    /// - Parameter signals: The signals.
    /// - Returns: The descriptor.
    /// - Throws: `Errno` when the kernel has no descriptor left.
    static func open(_ signals: [Int32]) throws(Errno) -> OwnedDescriptor {
        let descriptor = unsafe signals.withUnsafeBufferPointer { signals in
            unsafe helper_signals_open(signals.baseAddress, Int32(signals.count))
        }
        guard descriptor >= 0 else { throw Errno(rawValue: -descriptor) }
        return try OwnedDescriptor(moving: descriptor)
    }
}
