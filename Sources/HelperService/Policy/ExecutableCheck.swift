package import SystemPackage
package import TrustedFiles

/// Whether a program may be executed: it is in one of some directories, and root alone could have put it there.
///
/// Every directory on the way, every symbolic link and the program itself belong to root, and nobody else can write
/// them. So between the check and the exec nobody but root can put another program in its place: what was checked is
/// what is executed, although `execve(2)` walks the path once more.
///
/// It says which program begins, not what that does next: an interpreter or `ld.so` in a permitted directory executes
/// anything. Permit directories of the site's own, not `/usr/bin`.
///
/// Plain system calls that block for as long as the file system does, without threads: it runs in the child, between
/// `fork(2)` and the exec, so that a file server that hangs holds up that job alone.
package struct ExecutableCheck: Hashable, Sendable {
    /// The directories that programs may be in, at any depth.
    package let directories: [FilePath]

    package init(directories: [FilePath]) {
        self.directories = directories
    }

    /// What the check came to.
    package enum Verdict: Hashable, Sendable {
        /// These may be tried one after the other, by the path they were asked with.
        case permitted([Executable])

        /// None may.
        case refused(PolicyRefusal)
    }

    /// A program that passed.
    package struct Executable: Hashable, Sendable {
        /// The path it was asked with.
        package let path: FilePath

        /// Where that leads, without symbolic links.
        package let place: FilePath

        /// Which file it is.
        package let identity: FileFacts.Identity
    }

    /// Checks programs that are tried one after the other.
    ///
    /// One that does not exist is left out. One that exists and is not permitted refuses them all: leaving it out as well
    /// would silently run another program than the first that is there.
    ///
    /// - Parameters:
    ///   - paths: The programs.
    ///   - stepping: Called before each component is opened, so that a test can interfere.
    /// - Returns: Those that may be tried, or the refusal with the component.
    package func verdict(on paths: [FilePath], stepping: (FilePath) -> Void = { _ in }) -> Verdict {
        withoutActuallyEscaping(stepping) { stepping in
            let permitted = identities()
            let walk = TrustedWalk(demanding: Self.demands(privateBelow: permitted), stepping: stepping)
            var found: [Executable] = []
            var absent: PolicyRefusal?
            for path in paths {
                if let refusal = refusesText(of: path) { return .refused(refusal) }
                do throws(FileProblem) {
                    switch try walk.end(of: path) {
                    case .directory:
                        return .refused(Self.refusal(path, "it is a directory", "name a program"))
                    case .file(let file):
                        if let refusal = refuses(path, file, permitted) { return .refused(refusal) }
                        found.append(Executable(path: path, place: file.place, identity: file.facts.identity))
                    }
                } catch {
                    let refusal = Self.refusal(path, error)
                    guard case .missing = error else { return .refused(refusal) }
                    absent = absent ?? refusal
                }
            }
            if found.isEmpty {
                return .refused(absent ?? Self.refusal(FilePath(), "no program is named", "name one"))
            }
            return .permitted(found)
        }
    }

    /// Refuses what the text of a path alone rules out.
    func refusesText(of path: FilePath) -> PolicyRefusal? {
        guard path.isAbsolute else {
            return Self.refusal(path, "its path is not absolute", "name it by its absolute path")
        }
        // What the kernel shows of processes there leads anywhere, with the helper's own rights.
        guard path.components.first?.string != "proc" else {
            return Self.refusal(path, "it is below /proc", "name the program itself")
        }
        guard !path.components.contains(where: { $0.kind == .parentDirectory }) else {
            return Self.refusal(path, "its path has a component '..'", "name it without")
        }
        return nil
    }

    private func refuses(
        _ path: FilePath,
        _ file: borrowing TrustedWalk.FoundFile,
        _ permitted: [FileFacts.Identity]
    ) -> PolicyRefusal? {
        guard file.facts.kind == .regular else {
            return Self.refusal(path, "it is \(file.facts.kind.text)", "name a program")
        }
        guard file.directories.contains(where: permitted.contains) else {
            let list = directories.map(\.string.onOneLine).joined(separator: ", ")
            return Self.refusal(
                path,
                "\(file.place.string.onOneLine) is in none of the permitted directories (\(list))",
                "use a program in one of them, or let root add its directory to `executable-directories`"
            )
        }
        return nil
    }

    /// The permitted directories that are there now and that root alone can write.
    ///
    /// A program is inside of one when its own way leads through it, whatever names the two have.
    private func identities() -> [FileFacts.Identity] {
        let walk = TrustedWalk(demanding: Self.demands(privateBelow: nil))
        return directories.compactMap { path in
            guard case .directory(_, _, let facts)? = try? walk.end(of: path) else { return nil }
            return facts.identity
        }
    }

    private static func demands(privateBelow permitted: [FileFacts.Identity]?) -> FileDemands {
        FileDemands(
            owners: [0],
            followsLinks: true,
            acceptsStickyDirectories: false,
            acceptsHardLinks: true,
            privateBelow: permitted
        )
    }

    private static func refusal(_ path: FilePath, _ problem: FileProblem) -> PolicyRefusal {
        let shown = problem.place.map(\.string.onOneLine) ?? path.string.onOneLine
        switch problem {
        case .untrustedOwner(_, let facts):
            return refusal(
                path,
                "\(shown) is \(facts.kind.text) of user id \(facts.owner), who can put another program there",
                facts.kind == .symbolicLink ? "chown -h root \(shown)" : "chown root \(shown)"
            )
        case .untrustedMode(_, let facts):
            return refusal(
                path,
                "\(shown) is \(facts.kind.text) with mode \(facts.octalPermissions), so others than root can put "
                    + "another program there",
                "chmod go-w \(shown)"
            )
        case .hiddenDirectory(_, let facts):
            return refusal(
                path,
                "\(shown) has mode \(facts.octalPermissions) and is in none of the permitted directories",
                "permit it in `executable-directories`, or let everybody search it"
            )
        case .missing:
            return refusal(path, "\(shown) does not exist", "correct the path")
        case .tooManyLinks(_, let limit):
            return refusal(
                path,
                "\(shown) leads over more than \(limit) symbolic links",
                "name the program itself"
            )
        case .failed(_, _, let code):
            return refusal(path, "\(shown) cannot be looked at: \(code)", "correct the path, or the file system")
        case .symbolicLink, .hardLinks, .notRegular, .notDirectory, .tooLarge, .replaced, .changedWhileReading:
            return refusal(path, "\(shown) is not what it was", "try again")
        }
    }

    static func refusal(_ path: FilePath, _ reason: String, _ remedy: String) -> PolicyRefusal {
        let text = "the helper does not execute \(path.string.quoted): \(reason)"
        return PolicyRefusal(.executable, "\(text); \(remedy)", detail: text)
    }
}
