import Glibc
import SystemPackage

/// `O_PATH` of `open(2)`, which Glibc declares only for GNU programs; the same number on every architecture but alpha,
/// parisc and sparc.
private let openPath: Int32 = 0o10_000_000

extension ConfigurationFileReader {
    /// One step of a path that is still to be taken.
    private struct Step {
        /// The name of the component, or `..`.
        let name: String

        /// Whether a symbolic link sent the way here.
        let isFromLink: Bool
    }

    /// Where a path led: the file before its last step, or the directory after it.
    private enum End: ~Copyable {
        /// Anything but a directory, in the directory that holds it.
        case file(String, in: OwnedDescriptor, FileFacts, FilePath)

        /// A directory, not yet open for reading.
        case directory(OwnedDescriptor, FilePath)
    }

    /// Walks to the file and opens it for reading.
    func open() throws(ConfigurationError) -> OpenedFile {
        switch try walk() {
        case .file(let name, let directory, let facts, let place):
            return try openForReading(name, in: directory, facts, place)
        case .directory:
            throw notRegular(.directory)
        }
    }

    /// Walks to the directory and opens it for reading; the caller closes the descriptor.
    func openDirectory() throws(ConfigurationError) -> FileDescriptor {
        switch try walk() {
        case .file(_, _, let facts, let place):
            throw notDirectory(facts.kind, place)
        case .directory(let directory, let place):
            let number = unsafe openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard number >= 0 else { throw systemError("opening \(printable(place.string))", errno) }
            return FileDescriptor(rawValue: number)
        }
    }

    /// Takes every step of the way and looks at what it leads to.
    private func walk() throws(ConfigurationError) -> End {
        var walked = FilePath("/")
        var directory = try openRoot()
        var steps = try Self.steps(to: absolute(), isFromLink: false)
        var links = 0
        while let step = steps.popLast() {
            let place = step.name == ".." ? walked.removingLastComponent() : walked.appending(step.name)
            let found = unsafe openat(directory.number, step.name, openPath | O_NOFOLLOW | O_CLOEXEC)
            guard found >= 0 else { throw missing(place, isFromLink: step.isFromLink, errno) }
            let descriptor = OwnedDescriptor(found)
            guard let facts = FileFacts(of: descriptor) else {
                throw systemError("looking at \(printable(place.string))", errno)
            }
            try requireTrust(facts, place)
            if facts.kind == .symbolicLink {
                links += 1
                guard links <= Self.maximumLinks else {
                    throw error(
                        .unreadable,
                        .brokenLink,
                        "\(printable(place.string)) leads over more than \(Self.maximumLinks) symbolic links",
                        "point it at the file itself"
                    )
                }
                let target = try readLink(descriptor, place)
                if target.isAbsolute {
                    walked = FilePath("/")
                    directory = try openRoot()
                }
                steps += Self.steps(to: target, isFromLink: true)
            } else if steps.isEmpty, facts.kind != .directory {
                return .file(step.name, in: directory, facts, place)
            } else {
                directory = descriptor
                walked = place
            }
        }
        return .directory(directory, walked)
    }

    private func openRoot() throws(ConfigurationError) -> OwnedDescriptor {
        let number = unsafe openat(AT_FDCWD, "/", openPath | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw systemError("opening /", errno) }
        let root = OwnedDescriptor(number)
        guard let facts = FileFacts(of: root) else { throw systemError("looking at /", errno) }
        try requireTrust(facts, "/")
        return root
    }

    /// Opens what was looked at.
    ///
    /// Only a regular file gets this far, so opening has no side effect on a device and does
    /// not wait for the other end of a pipe; `O_NONBLOCK` covers the case that the name was given to one meanwhile.
    private func openForReading(
        _ name: String,
        in directory: borrowing OwnedDescriptor,
        _ facts: FileFacts,
        _ place: FilePath
    ) throws(ConfigurationError) -> OpenedFile {
        guard facts.kind == .regular else { throw notRegular(facts.kind) }
        hook(.opening)
        let number = unsafe openat(
            directory.number,
            name,
            O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        )
        guard number >= 0 else {
            if errno == ELOOP || errno == ENOENT { throw replaced(place) }
            throw systemError("opening \(printable(place.string))", errno)
        }
        let descriptor = OwnedDescriptor(number)
        guard let opened = FileFacts(of: descriptor) else {
            throw systemError("looking at \(printable(place.string))", errno)
        }
        guard opened.identity == facts.identity, opened.kind == .regular else { throw replaced(place) }
        try requireTrust(opened, place)
        return OpenedFile(descriptor: descriptor, facts: opened)
    }

    private func readLink(
        _ link: borrowing OwnedDescriptor,
        _ place: FilePath
    ) throws(ConfigurationError) -> FilePath {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX) + 1)
        // With an empty name, readlinkat(2) reads the link that the O_PATH descriptor itself stands for.
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            guard let start = unsafe bytes.bindMemory(to: CChar.self).baseAddress else { return -1 }
            return unsafe readlinkat(link.number, "", start, bytes.count)
        }
        guard count >= 0 else { throw systemError("reading the link \(printable(place.string))", errno) }
        let target = FilePath(String(decoding: buffer[..<count], as: UTF8.self))
        guard count <= PATH_MAX, !target.isEmpty else {
            throw missing(place, isFromLink: true, ENOENT)
        }
        return target
    }

    private func absolute() throws(ConfigurationError) -> FilePath {
        guard !file.isEmpty else { throw missing(file, isFromLink: false, ENOENT) }
        guard !file.isAbsolute else { return file }
        guard let current = unsafe getcwd(nil, 0) else { throw systemError("finding the working directory", errno) }
        defer { unsafe free(current) }
        return unsafe FilePath(platformString: current).pushing(file)
    }

    /// The components of a path in reverse, so that the next one is the last; without `.`, which goes nowhere.
    private static func steps(to path: FilePath, isFromLink: Bool) -> [Step] {
        path.components.reversed()
            .filter { $0.kind != .currentDirectory }
            .map { Step(name: $0.string, isFromLink: isFromLink) }
    }
}
