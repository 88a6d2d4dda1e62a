import Glibc

/// A file descriptor that is closed when its owner is done with it.
struct OwnedDescriptor: ~Copyable {
    /// The descriptor.
    let number: Int32

    /// Takes over an open descriptor.
    init(_ number: Int32) {
        self.number = number
    }

    deinit {
        close(number)
    }
}
