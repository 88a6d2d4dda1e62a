import Glibc

/// A file descriptor that is closed when its holder is done with it.
package struct HeldDescriptor: ~Copyable {
    /// The descriptor.
    package let number: Int32

    /// Takes over an open descriptor.
    package init(_ number: Int32) {
        self.number = number
    }

    deinit {
        close(number)
    }

    /// Hands the descriptor over to the caller, who closes it.
    package consuming func take() -> Int32 {
        let number = number
        discard self
        return number
    }
}
