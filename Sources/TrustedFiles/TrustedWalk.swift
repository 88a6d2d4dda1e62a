import Glibc
package import SystemPackage

/// `O_PATH` of `open(2)`, which Glibc declares only for GNU programs; the same number on every architecture but alpha,
/// parisc and sparc.
package let openPath: Int32 = 0o10_000_000

/// Walks to a file and looks at everything on the way, through descriptors that stay open meanwhile.
///
/// Each component is opened with `openat(2)` and `O_PATH|O_NOFOLLOW` from the descriptor of the one before it and looked
/// at through its own descriptor. Symbolic links are followed by hand, so that the link and what it leads to are both
/// looked at. Whatever somebody renames or replaces meanwhile, what was looked at is what the way leads over.
///
/// Plain system calls, each of which blocks for as long as the file system does; no threads, so that it also runs in a
/// child after `fork(2)`.
package struct TrustedWalk {
    /// The kernel gives up after 40 links as well: `path_resolution(7)`.
    package static let maximumLinks = 40

    private let demands: FileDemands

    /// Called before each component is opened, with its place: a moment at which somebody could interfere.
    private let stepping: (FilePath) -> Void

    /// Where a path led: the file before its last step, or the directory after it.
    package enum End: ~Copyable {
        /// Anything but a directory.
        case file(FoundFile)

        /// A directory, not yet open for reading.
        case directory(HeldDescriptor, FilePath, FileFacts)
    }

    /// What the way led to, in the directory that holds it.
    package struct FoundFile: ~Copyable {
        /// The last component.
        let name: String

        /// The directory that holds it.
        let directory: HeldDescriptor

        /// What it was when it was looked at.
        package let facts: FileFacts

        /// Its path without symbolic links.
        package let place: FilePath

        /// The directories of ``place``, from the root on.
        package let directories: [FileFacts.Identity]
    }

    /// One step of a path that is still to be taken.
    private struct Step {
        /// The name of the component, or `..`.
        let name: String

        /// Whether a symbolic link sent the way here.
        let isFromLink: Bool
    }

    /// A directory on the way.
    private struct Passed {
        let place: FilePath
        let identity: FileFacts.Identity
    }

    package init(demanding demands: FileDemands, stepping: @escaping (FilePath) -> Void = { _ in }) {
        self.demands = demands
        self.stepping = stepping
    }

    /// Takes every step of the way and looks at what it leads to.
    ///
    /// - Parameter path: The path; a relative one begins at the working directory, whose own way is walked as well.
    /// - Returns: What the way leads to, which need not be a regular file.
    /// - Throws: ``FileProblem`` with the component.
    package func end(of path: FilePath) throws(FileProblem) -> End {
        var directory = try openRoot()
        var facts = try look(at: directory, "/")
        var passed = [Passed(place: "/", identity: facts.identity)]
        var steps = try Self.steps(to: absolute(path), isFromLink: false)
        var links = 0
        while let step = steps.popLast() {
            let walked = passed.last?.place ?? "/"
            let place = step.name == ".." ? walked.removingLastComponent() : walked.appending(step.name)
            stepping(place)
            let found = unsafe openat(directory.number, step.name, openPath | O_NOFOLLOW | O_CLOEXEC)
            guard found >= 0 else { throw Self.missing(place, isFromLink: step.isFromLink, errno) }
            let descriptor = HeldDescriptor(found)
            let now = try look(at: descriptor, place)
            if now.kind == .symbolicLink {
                guard demands.followsLinks else { throw .symbolicLink(place) }
                links += 1
                guard links <= Self.maximumLinks else { throw .tooManyLinks(place, limit: Self.maximumLinks) }
                let target = try readLink(descriptor, place)
                if target.isAbsolute {
                    directory = try openRoot()
                    facts = try look(at: directory, "/")
                    passed = [Passed(place: "/", identity: facts.identity)]
                }
                steps += Self.steps(to: target, isFromLink: true)
            } else if steps.isEmpty, now.kind != .directory {
                return .file(
                    FoundFile(
                        name: step.name,
                        directory: directory,
                        facts: now,
                        place: place,
                        directories: passed.map(\.identity)
                    )
                )
            } else {
                // `..` of the root is the root.
                if step.name == "..", passed.count > 1 { passed.removeLast() }
                if step.name != ".." { passed.append(Passed(place: place, identity: now.identity)) }
                try requirePublic(now, place, passed)
                directory = descriptor
                facts = now
            }
        }
        return .directory(directory, passed.last?.place ?? "/", facts)
    }

    /// Opens what was looked at.
    ///
    /// Only a regular file gets this far, so opening has no side effect on a device and does
    /// not wait for the other end of a pipe; `O_NONBLOCK` covers the case that the name was given to one meanwhile.
    ///
    /// - Parameters:
    ///   - found: What the way led to.
    ///   - opening: Called before it is opened: a moment at which somebody could interfere.
    /// - Returns: The same file, open for reading, looked at once more.
    /// - Throws: ``FileProblem``.
    package func open(_ found: borrowing FoundFile, opening: () -> Void = {}) throws(FileProblem) -> OpenedFile {
        guard found.facts.kind == .regular else { throw .notRegular(found.place, found.facts.kind) }
        opening()
        let number = unsafe openat(
            found.directory.number,
            found.name,
            O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        )
        guard number >= 0 else {
            if errno == ELOOP || errno == ENOENT { throw .replaced(found.place) }
            throw .failed(.open, found.place, Self.lastError)
        }
        let descriptor = HeldDescriptor(number)
        guard let opened = FileFacts(of: descriptor) else { throw .failed(.lookAt, found.place, Self.lastError) }
        guard opened.identity == found.facts.identity, opened.kind == .regular else { throw .replaced(found.place) }
        try requireTrust(opened, found.place)
        return OpenedFile(descriptor: descriptor, facts: opened, place: found.place)
    }

    /// Walks to a directory and opens it for reading.
    ///
    /// - Parameter path: The directory.
    /// - Returns: The descriptor, closed on exec.
    /// - Throws: ``FileProblem``.
    package func openDirectory(_ path: FilePath) throws(FileProblem) -> HeldDescriptor {
        switch try end(of: path) {
        case .file(let found):
            throw .notDirectory(found.place, found.facts.kind)
        case .directory(let directory, let place, _):
            let number = unsafe openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard number >= 0 else { throw .failed(.open, place, Self.lastError) }
            return HeldDescriptor(number)
        }
    }

    /// Refuses what somebody who is not trusted owns or can write.
    ///
    /// Whom an access control list lets write is in the group's bits as well: they are its mask (`acl(5)`).
    private func requireTrust(_ facts: FileFacts, _ place: FilePath) throws(FileProblem) {
        if let owners = demands.owners {
            guard owners.contains(facts.owner) else { throw .untrustedOwner(place, facts) }
            // The mode of a symbolic link means nothing: symlink(7).
            let isOpen = facts.kind != .symbolicLink && facts.permissions & (S_IWGRP | S_IWOTH) != 0
            let isSticky = facts.kind == .directory && facts.permissions & S_ISVTX != 0
            if isOpen, !(isSticky && demands.acceptsStickyDirectories) { throw .untrustedMode(place, facts) }
        }
        if !demands.acceptsHardLinks, facts.kind == .regular, facts.links != 1 {
            // Without a name it was removed since, as by a rename over it.
            throw facts.links == 0 ? .replaced(place) : .hardLinks(place, count: facts.links)
        }
    }

    private func requirePublic(_ facts: FileFacts, _ place: FilePath, _ passed: [Passed]) throws(FileProblem) {
        guard let exempt = demands.privateBelow, facts.kind == .directory else { return }
        guard facts.permissions & S_IXOTH == 0 else { return }
        guard !passed.contains(where: { exempt.contains($0.identity) }) else { return }
        throw .hiddenDirectory(place, facts)
    }

    private func look(at descriptor: borrowing HeldDescriptor, _ place: FilePath) throws(FileProblem) -> FileFacts {
        guard let facts = FileFacts(of: descriptor) else { throw .failed(.lookAt, place, Self.lastError) }
        try requireTrust(facts, place)
        return facts
    }

    private func openRoot() throws(FileProblem) -> HeldDescriptor {
        let number = unsafe openat(AT_FDCWD, "/", openPath | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw .failed(.open, "/", Self.lastError) }
        return HeldDescriptor(number)
    }

    private func readLink(_ link: borrowing HeldDescriptor, _ place: FilePath) throws(FileProblem) -> FilePath {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX) + 1)
        // With an empty name, readlinkat(2) reads the link that the O_PATH descriptor itself stands for.
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            guard let start = unsafe bytes.bindMemory(to: CChar.self).baseAddress else { return -1 }
            return unsafe readlinkat(link.number, "", start, bytes.count)
        }
        guard count >= 0 else { throw .failed(.readLink, place, Self.lastError) }
        let target = FilePath(String(decoding: buffer[..<count], as: UTF8.self))
        guard count <= PATH_MAX, !target.isEmpty else { throw .missing(place, isFromLink: true) }
        return target
    }

    private func absolute(_ path: FilePath) throws(FileProblem) -> FilePath {
        guard !path.isEmpty else { throw .missing(path, isFromLink: false) }
        guard !path.isAbsolute else { return path }
        guard let current = unsafe getcwd(nil, 0) else { throw .failed(.findWorkingDirectory, path, Self.lastError) }
        defer { unsafe free(current) }
        return unsafe FilePath(platformString: current).pushing(path)
    }

    private static var lastError: Errno { Errno(rawValue: errno) }

    private static func missing(_ place: FilePath, isFromLink: Bool, _ code: Int32) -> FileProblem {
        code == ENOENT
            ? .missing(place, isFromLink: isFromLink) : .failed(.find, place, Errno(rawValue: code))
    }

    /// The components of a path in reverse, so that the next one is the last; without `.`, which goes nowhere.
    private static func steps(to path: FilePath, isFromLink: Bool) -> [Step] {
        path.components.reversed()
            .filter { $0.kind != .currentDirectory }
            .map { Step(name: $0.string, isFromLink: isFromLink) }
    }
}
