package import SystemPackage

/// A frame could not be sent or received, and the connection is of no further use.
package struct FrameSocketError: Error, Hashable, Sendable {
    /// What kind of failure it was; stable across versions.
    package enum Code: String, CaseIterable, Sendable {
        /// The peer has closed its end.
        case connectionClosed

        /// The peer sent more than a frame may have, or more descriptors than could be taken.
        case cutOff

        /// The peer sent something beside bytes and descriptors, or descriptors without bytes.
        case unexpectedData

        /// The frame and the descriptors given for it do not fit.
        case wrongDescriptors

        /// A system call failed.
        case systemCall
    }

    package let code: Code

    /// The error number of the kernel, if it was a system call that failed.
    package let errno: Errno?

    package init(_ code: Code, errno: Errno? = nil) {
        self.code = code
        self.errno = errno
    }

    /// What happened and what to do about it.
    package var message: String {
        switch code {
        case .connectionClosed: "the other side has closed the connection; connect again"
        case .cutOff:
            "a message was larger than a frame, or its descriptors did not fit under the limit of open files; raise "
                + "that (RLIMIT_NOFILE), or end the peer"
        case .unexpectedData: "a message held something that belongs to no frame; end the peer"
        case .wrongDescriptors: "a frame was to be sent with other descriptors than it names; pass those"
        case .systemCall:
            "the kernel refused (\(errno.map { "\($0)" } ?? "unknown")); look at the limit of open files, the limit of "
                + "file sizes, and a system call filter"
        }
    }
}
