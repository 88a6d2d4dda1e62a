/// Bytes that are no frame of the protocol, or a value that no frame can carry.
///
/// Whoever receives such bytes closes the connection: a peer that sends them is broken, of another version, or hostile,
/// and nothing after them can be trusted to begin where it seems to.
package struct FrameError: Error, Hashable, Sendable {
    /// What is wrong; stable across versions.
    package enum Code: String, CaseIterable, Sendable {
        /// The bytes end inside a field.
        case truncated

        /// Bytes follow behind the last field.
        case trailingBytes

        /// The bytes do not begin like a frame.
        case wrongMagic

        /// The frame is of another version of the protocol.
        case unsupportedVersion

        /// There is no such message, or it goes the other way.
        case unknownType

        /// A tag or a bit that this version does not know, or a reserved one that is set.
        case unknownValue

        /// A number, a text or a list that is longer or larger than the protocol allows.
        case tooLarge

        /// A number, a text or a list that is smaller or shorter than the protocol allows.
        case tooSmall

        /// A zero byte inside a string.
        case zeroByte

        /// A text that is not UTF-8, or has characters it must not have.
        case invalidText

        /// A list that is not in its order, names something twice, or a path that is not in its shortest spelling.
        case notCanonical

        /// A path that is relative where there is nothing it could be relative to.
        case relativePath

        /// Two fields that cannot both be meant.
        case contradiction

        /// The frame came with more or fewer descriptors than its message needs.
        case wrongDescriptors

        /// A large launch came in memory that its sender could still change.
        case notSealed
    }

    /// What is wrong.
    package let code: Code

    /// Where the field begins that is wrong, in bytes from the beginning of the frame.
    ///
    /// In a launch that came in a memory file: from the beginning of that file.
    package let offset: Int

    /// The field that is wrong.
    package let field: String

    package init(_ code: Code, at offset: Int, in field: String) {
        self.code = code
        self.offset = offset
        self.field = field
    }

    /// What happened and what to do about it.
    ///
    /// It holds nothing of what the peer sent.
    package var message: String {
        "\(field) at byte \(offset) \(reason)"
    }

    private var reason: String {
        switch code {
        case .truncated: "is cut off; the peer is broken, end it"
        case .trailingBytes: "are more than the message has; the peer is broken or newer, use the same version of both"
        case .wrongMagic: "is not that of a frame; something else than a launcher is connected, end it"
        case .unsupportedVersion: "is another one; use the same version of the library and the helper"
        case .unknownType: "is no message that goes this way; use the same version of the library and the helper"
        case .unknownValue: "has a value this version does not know; use the same version of the library and the helper"
        case .tooLarge: "is more than the protocol allows; shorten it"
        case .tooSmall: "is less than the protocol allows; give what is missing"
        case .zeroByte: "holds a zero byte, which no program can be given; take it out"
        case .invalidText: "is not a text of this kind; spell it as documented"
        case .notCanonical: "is not in its order or shortest spelling, or not unique; sort it and name each once"
        case .relativePath: "is relative, and a job has nothing it could be relative to; name it in full"
        case .contradiction: "contradicts a field before it; leave one of them out"
        case .wrongDescriptors: "does not fit the descriptors of the message; pass as many as it names"
        case .notSealed: "could still be changed by its sender; seal it against writing, growing and shrinking"
        }
    }
}
