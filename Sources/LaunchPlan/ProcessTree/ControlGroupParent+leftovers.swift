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
    /// - Parameter isSpared: Whether the group of that name is left alone nevertheless.
    /// - Returns: The groups that were found.
    /// - Throws: `Errno` when the directory cannot be read.
    package func endLeftovers(unless isSpared: (String) -> Bool = { _ in false }) throws(Errno) -> [Leftover] {
        try names().compactMap { ControlGroupName($0) }
            .filter { $0.isMakerGone && !isSpared($0.text) }
            .compactMap { name in
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

    private func names() throws(Errno) -> [String] {
        let duplicate = fcntl(directory.rawValue, F_DUPFD_CLOEXEC, OwnedDescriptor.lowest)
        guard duplicate >= 0 else { throw Errno(rawValue: errno) }
        guard let entries = unsafe fdopendir(duplicate) else {
            let error = Errno(rawValue: errno)
            close(duplicate)
            throw error
        }
        defer { unsafe closedir(entries) }
        // The position belongs to the description, which the duplicate shares.
        unsafe rewinddir(entries)
        var names: [String] = []
        while let entry = unsafe readdir(entries) {
            names.append(
                unsafe withUnsafePointer(to: entry.pointee.d_name) { name in
                    unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
                }
            )
        }
        return names
    }
}
