import Glibc
public import SystemPackage

/// A password in locked memory of its own.
///
/// A secret cannot be copied by accident, printed, encoded, compared with `==` or put in a collection: it is
/// noncopyable and offers its bytes to a closure only. Its memory is one page, never swapped out, not part of core
/// dumps, invisible to forked children and, where the kernel has `memfd_secret(2)`, to every other process whatever
/// its privilege. The page is wiped when the value goes.
///
/// Not under its control: copies made from the bytes, and secrets that live in a global variable or at the time the
/// process calls `exit(3)` or traps, for which Swift runs no `deinit`. A trap of the Swift runtime may print registers
/// and the bytes they point to; set `SWIFT_BACKTRACE=enable=no` for processes that hold secrets.
public struct Secret: ~Copyable, Sendable {
    /// The longest secret in bytes: `PAM_MAX_RESP_SIZE` is 512, the terminating zero included.
    public static let maximumLength = 511

    private let memory: LockedMemory
    private let length: Int

    /// Makes a secret by filling its memory in place.
    ///
    /// - Parameters:
    ///   - capacity: How many bytes the closure may append at most, up to ``maximumLength``.
    ///   - fill: Appends the bytes of the secret. What it appended is wiped when it throws.
    /// - Throws: ``CredentialStoreError`` with the code `memoryUnavailable` when memory could not be locked,
    ///   `invalidSecret` when the secret is empty, may become too long or holds a NUL, and whatever `fill` throws.
    public init(
        capacity: Int = maximumLength,
        filling fill: (inout OutputRawSpan) throws(CredentialStoreError) -> Void
    ) throws(CredentialStoreError) {
        guard capacity <= Self.maximumLength else { throw Self.invalid("it may become longer than a secret can be") }
        try unsafe self.init(in: LockedMemory()) { buffer throws(CredentialStoreError) in
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(max(0, capacity)))
            var span = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
            try fill(&span)
            return unsafe span.finalize(for: room)
        }
    }

    /// Makes a secret from bytes and takes them from the caller.
    ///
    /// - Parameter bytes: The bytes of the secret; overwritten with zeros and then emptied, whether or not they make a
    ///   secret. Only this array is: when another variable shares its storage, that copy stays as it is.
    /// - Throws: ``CredentialStoreError`` with the code `memoryUnavailable` when memory could not be locked,
    ///   `invalidSecret` when the bytes are none, too many or hold a NUL.
    public init(consumingBytes bytes: inout [UInt8]) throws(CredentialStoreError) {
        defer {
            unsafe bytes.withUnsafeMutableBytes { buffer in
                if let base = buffer.baseAddress { unsafe explicit_bzero(base, buffer.count) }
            }
            bytes = []
        }
        guard bytes.count <= Self.maximumLength else { throw Self.tooLong }
        let source = unsafe bytes.span.bytes
        try unsafe self.init(in: LockedMemory()) { buffer throws(CredentialStoreError) in
            unsafe source.withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
            return source.byteCount
        }
    }

    /// Makes a secret from one line of a file, a pipe or a terminal.
    ///
    /// The line ends with a newline, which is not part of the secret, or with the end of the input. Its bytes are read
    /// one by one straight into locked memory, so no other buffer ever holds them and what follows the line is left
    /// for others to read. The call blocks until the line is there: keep it off the threads of the concurrency pool.
    ///
    /// - Parameters:
    ///   - descriptor: Where to read from.
    ///   - limit: How many bytes the line may have at most, up to ``maximumLength``; the newline does not count.
    /// - Throws: ``CredentialStoreError`` with the code `memoryUnavailable` when memory could not be locked,
    ///   `invalidSecret` when the line is empty, too long or holds a NUL, `unavailable` when `read(2)` failed.
    public init(
        readingLineFrom descriptor: FileDescriptor,
        limit: Int = maximumLength
    ) throws(CredentialStoreError) {
        let limit = min(limit, Self.maximumLength)
        try unsafe self.init(in: LockedMemory()) { buffer throws(CredentialStoreError) in
            var count = 0
            while true {
                let byte = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count..<count + 1])
                let read: Int
                do {
                    read = try unsafe descriptor.read(into: byte)
                } catch {
                    throw CredentialStoreError(
                        .unavailable,
                        message: "the secret could not be read from descriptor \(descriptor.rawValue): \(error)"
                    )
                }
                if unsafe read == 0 || byte[0] == UInt8(ascii: "\n") {
                    unsafe byte[0] = 0
                    return count
                }
                guard count < limit else { throw Self.tooLong }
                count += 1
            }
        }
    }

    /// Makes a secret in memory that is already there; tests choose its protection.
    ///
    /// - Parameters:
    ///   - memory: A page of zeros.
    ///   - fill: Writes the bytes of the secret to the front of the page and returns how many they are, at most
    ///     ``maximumLength``.
    /// - Throws: ``CredentialStoreError`` with the code `invalidSecret` when the secret is empty or holds a NUL, and
    ///   whatever `fill` throws.
    init(
        in memory: consuming LockedMemory,
        filling fill: (UnsafeMutableRawBufferPointer) throws(CredentialStoreError) -> Int
    ) throws(CredentialStoreError) {
        let length = try unsafe memory.withMutableBytes(fill)
        guard length > 0 else { throw Self.invalid("it is empty") }
        let holdsNUL = memory.withBytes { bytes in
            (0..<length).contains { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == 0 }
        }
        guard !holdsNUL else { throw Self.invalid("it holds a NUL byte, which ends a password for PAM") }
        self.memory = memory
        self.length = length
    }

    /// Lends the bytes of the secret.
    ///
    /// - Parameter body: Uses the bytes; they must not be copied anywhere that is not wiped.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    public borrowing func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try memory.withBytes { bytes throws(Failure) in try body(bytes.extracting(first: length)) }
    }

    /// Returns whether another secret is the same.
    ///
    /// The time it takes depends neither on the bytes nor on the lengths: every byte a secret can have is compared.
    ///
    /// - Parameter other: The secret to compare with.
    /// - Returns: Whether both have the same bytes.
    @inline(never)
    public borrowing func matches(_ other: borrowing Secret) -> Bool {
        // Behind a secret its page is zero, and no secret holds a zero, so equal pages are equal secrets.
        memory.withBytes { left in
            other.memory.withBytes { right in
                var difference: UInt8 = 0
                for offset in 0..<Self.maximumLength {
                    difference |=
                        unsafe left.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                        ^ right.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                }
                return difference == 0
            }
        }
    }

    /// Makes a second secret with the same bytes, in memory of its own.
    ///
    /// - Returns: The copy; it lives and is wiped independently of this one.
    /// - Throws: ``CredentialStoreError`` with the code `memoryUnavailable` when memory could not be locked.
    public borrowing func copy() throws(CredentialStoreError) -> Secret {
        try Secret(capacity: length) { span throws(CredentialStoreError) in
            withBytes { bytes in
                for offset in 0..<bytes.byteCount {
                    unsafe span.append(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
                }
            }
        }
    }

    private static var tooLong: CredentialStoreError { invalid("it is longer than a secret can be") }

    private static func invalid(_ reason: String) -> CredentialStoreError {
        CredentialStoreError(
            .invalidSecret,
            message: "the secret was refused, \(reason): one to \(maximumLength) bytes without NUL are taken "
                + "(PAM_MAX_RESP_SIZE)"
        )
    }
}
