import Glibc
import QubeCompatibility
public import SystemPackage

/// Makes directories that belong to the worker, and refuses those that somebody else could have made.
public enum OwnedDirectory {
    /// Opens a directory of the worker, and makes it when it is not there.
    ///
    /// What stands above it is looked at as well: whoever can rename there exchanges the whole directory.
    ///
    /// - Parameters:
    ///   - path: The directory; the one above it has to exist. It must not be a symbolic link itself.
    ///   - permissions: The permission bits of a new one. An existing one has to have exactly these.
    /// - Returns: The directory, held open.
    /// - Throws: ``SpoolError`` when it cannot be made, is not the worker's own, or stands where others can exchange it.
    public static func open(_ path: FilePath, permissions: UInt32) throws(SpoolError) -> Folder {
        guard let name = path.lastComponent, name.kind == .regular else {
            throw SpoolError(path: path, message: "names no directory; end the path with the name of one")
        }
        let above = path.removingLastComponent()
        let parent: Folder
        do throws(ConfigurationError) {
            let place = above.isEmpty ? "." : above
            parent = Folder(try TrustedPath.openDirectory(place), path: above)
        } catch {
            let reasons = error.diagnostics.map { "\($0.text); \($0.remedy)" }
            throw SpoolError(path: path, message: reasons.joined(separator: "; "))
        }
        return try open(name, in: parent, permissions: permissions)
    }

    /// Opens a directory in another that is held open, wherever its path leads meanwhile.
    static func open(
        _ name: FilePath.Component,
        in parent: Folder,
        permissions: UInt32
    ) throws(SpoolError) -> Folder {
        let path = parent.path.appending(name)
        let made = unsafe name.withPlatformString { unsafe mkdirat(parent.descriptor.rawValue, $0, 0o700) } == 0
        guard made || errno == EEXIST else {
            throw SpoolError(path: path, message: "cannot be made (\(Errno(rawValue: errno))); make it")
        }
        let folder: Folder
        let facts: FileFacts
        do throws(Errno) {
            folder = try Folder(opening: name, in: parent)
            // mkdir(2) applies the umask, which is none of the directory's business.
            if made, fchmod(folder.descriptor.rawValue, permissions) != 0 { throw Errno(rawValue: errno) }
            facts = try folder.descriptor.facts()
        } catch {
            throw SpoolError(path: path, message: "is no directory that can be opened (\(error)); move it away")
        }
        guard facts.owner.rawValue == 0 || facts.owner.rawValue == geteuid() else {
            throw SpoolError(
                path: path,
                message: "belongs to user id \(facts.owner.rawValue), who could exchange what is in it; give it to the "
                    + "account of the worker"
            )
        }
        guard facts.permissions == permissions else {
            throw SpoolError(
                path: path,
                message: "has mode \(String(facts.permissions, radix: 8)); chmod \(String(permissions, radix: 8)) it"
            )
        }
        return folder
    }
}
