import CLaunchPlan

/// Strings as `execve(2)` takes them: one block of memory with a null-terminated array of pointers into it.
///
/// Made before the clone, because nothing may be allocated behind it.
@safe
package struct ArgumentVector: ~Copyable {
    private let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let characters: UnsafeMutablePointer<CChar>
    private let size: Int

    /// Copies strings.
    ///
    /// - Parameter strings: The strings; none of them holds a zero byte, which whoever checks the command sees to.
    package init(_ strings: [String]) {
        self.init(bytes: strings.map { Array($0.utf8) })
    }

    /// Copies strings that need not be text.
    ///
    /// - Parameter strings: The strings, without zero bytes.
    package init(bytes strings: [[UInt8]]) {
        size = strings.reduce(0) { $0 + $1.count + 1 }
        unsafe pointers = .allocate(capacity: strings.count + 1)
        unsafe characters = .allocate(capacity: max(size, 1))
        var next = unsafe characters
        for (index, string) in strings.enumerated() {
            unsafe (pointers + index).initialize(to: next)
            for byte in string {
                unsafe next.initialize(to: CChar(bitPattern: byte))
                unsafe next += 1
            }
            unsafe next.initialize(to: 0)
            unsafe next += 1
        }
        unsafe (pointers + strings.count).initialize(to: nil)
    }

    deinit {
        // Arguments and variables may be secrets of the job's.
        unsafe linux_wipe(characters, size)
        unsafe pointers.deallocate()
        unsafe characters.deallocate()
    }

    /// Calls a closure with the array of pointers, which ends with a null pointer.
    ///
    /// - Parameter body: What needs the array; it does not keep it.
    /// - Returns: What the closure returns.
    package borrowing func withPointers<R>(
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        unsafe body(UnsafePointer(pointers))
    }
}
