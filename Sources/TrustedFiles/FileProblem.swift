package import SystemPackage

/// Why a file is not read or used.
///
/// Whoever asked for it puts it into words.
package enum FileProblem: Error, Sendable, Equatable {
    /// Somebody who is not trusted owns the file or something on the way.
    case untrustedOwner(FilePath, FileFacts)

    /// Somebody who is not trusted can write the file or something on the way.
    case untrustedMode(FilePath, FileFacts)

    /// A symbolic link where none is followed.
    case symbolicLink(FilePath)

    /// A file with so many names, where it may have one only.
    case hardLinks(FilePath, count: UInt64)

    /// A directory that not everybody may search, where the way has to be public.
    case hiddenDirectory(FilePath, FileFacts)

    /// Something other than a regular file at the end of the way.
    case notRegular(FilePath, FileFacts.Kind)

    /// Something other than a directory where one is needed.
    case notDirectory(FilePath, FileFacts.Kind)

    /// More bytes than the reader takes.
    case tooLarge(limit: Int)

    /// The name was given to another file between the look at it and its opening.
    case replaced(FilePath)

    /// The file was written to while it was read.
    case changedWhileReading

    /// A component is not there.
    case missing(FilePath, isFromLink: Bool)

    /// More symbolic links than the kernel follows.
    case tooManyLinks(FilePath, limit: Int)

    /// A system call failed.
    case failed(Action, FilePath, Errno)

    /// What a system call was to do.
    package enum Action: Sendable, Equatable {
        case find
        case lookAt
        case open
        case read
        case readLink
        case findWorkingDirectory
    }
}

extension FileProblem {
    /// The component that is meant; `nil` when it is the file as it was named.
    package var place: FilePath? {
        switch self {
        case .untrustedOwner(let place, _), .untrustedMode(let place, _), .symbolicLink(let place),
            .hardLinks(let place, _), .hiddenDirectory(let place, _), .notRegular(let place, _),
            .notDirectory(let place, _), .replaced(let place), .missing(let place, _), .tooManyLinks(let place, _),
            .failed(_, let place, _):
            place
        case .tooLarge, .changedWhileReading: nil
        }
    }
}
