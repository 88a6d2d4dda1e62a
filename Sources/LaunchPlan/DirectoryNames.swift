import CLaunchPlan
import Glibc

/// The names in an open directory, one after the other, `.` and `..` among them.
///
/// The kernel ends each record behind its name. `d_name` is declared with 256 bytes, most of which are not there, so that
/// copying it reads beyond what `readdir(3)` has got.
@safe
package struct DirectoryNames: Sequence, IteratorProtocol {
    private let stream: OpaquePointer

    /// Goes on where the stream is.
    ///
    /// - Parameter stream: What `opendir(3)` has opened; it stays open, and its owner's.
    package init(_ stream: OpaquePointer) {
        unsafe self.stream = stream
    }

    package mutating func next() -> String? {
        guard let entry = unsafe readdir(stream) else { return nil }
        return unsafe String(cString: linux_entry_name(entry))
    }
}
