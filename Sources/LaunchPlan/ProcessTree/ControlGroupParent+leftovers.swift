import Glibc
package import SystemPackage

extension ControlGroupParent {
    /// A group whose maker has ended.
    package struct Leftover: Hashable, Sendable {
        package let path: FilePath

        /// Whether a process was in it, which was killed.
        package let wasPopulated: Bool

        /// Whether it is gone; what was killed takes a moment.
        package let isRemoved: Bool
    }

    /// Ends jobs of processes that made groups here and have ended since, and removes their groups.
    ///
    /// Those that were to outlive their daemons are left alone; only groups of theirs without a process are removed.
    ///
    /// - Parameters:
    ///   - maker: Whose groups, by the number that process had; `nil` is those of all that have ended.
    ///   - kinds: Which jobs are ended.
    ///   - isSpared: Whether the group of that name is left alone nevertheless.
    /// - Returns: The groups that were found.
    /// - Throws: `Errno` when the directory cannot be read.
    package func endLeftovers(
        of maker: Int32? = nil,
        _ kinds: Set<ControlGroupName.Kind> = [.job],
        unless isSpared: (String) -> Bool = { _ in false }
    ) throws(Errno) -> [Leftover] {
        try names().compactMap { ControlGroupName($0) }
            .filter { name in
                (maker.map(name.isOf) ?? name.isMakerGone) && !isSpared(name.text)
            }
            .compactMap { name in
                guard kinds.contains(name.kind) else {
                    _ = unsafe unlinkat(directory.rawValue, name.text, AT_REMOVEDIR)
                    return nil
                }
                let place = path.appending(name.text)
                let group: ControlGroup
                do throws(Errno) {
                    group = try ControlGroup(name: name.text, path: place, in: directory)
                } catch .noSuchFileOrDirectory {
                    return nil
                } catch {
                    return Leftover(path: place, wasPopulated: false, isRemoved: false)
                }
                let wasPopulated = group.isPopulated
                if wasPopulated { group.kill() }
                return Leftover(path: place, wasPopulated: wasPopulated, isRemoved: group.remove())
            }
    }

    /// Others that have made groups for jobs here and have not ended: what they leave is to be looked for when they have.
    ///
    /// - Parameter kinds: Which jobs are meant.
    /// - Returns: Their numbers.
    /// - Throws: `Errno` when the directory cannot be read.
    package func livingMakers(of kinds: Set<ControlGroupName.Kind> = [.job]) throws(Errno) -> Set<Int32> {
        let others = try names().compactMap { ControlGroupName($0) }
            .filter { kinds.contains($0.kind) && $0.maker != getpid() && $0.isMakerAlive }
        return Set(others.map(\.maker))
    }

    private func names() throws(Errno) -> [String] {
        // A description of its own: the position in it is nobody else's.
        let listing = unsafe openat(directory.rawValue, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard listing >= 0 else { throw Errno(rawValue: errno) }
        guard let entries = unsafe fdopendir(listing) else {
            let error = Errno(rawValue: errno)
            close(listing)
            throw error
        }
        defer { unsafe closedir(entries) }
        return unsafe Array(DirectoryNames(entries))
    }
}
