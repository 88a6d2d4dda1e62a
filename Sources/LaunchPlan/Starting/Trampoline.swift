package import CLaunchPlan
import Synchronization
package import SystemPackage

/// The trampoline, ready to run: an executable image that nobody can change, known by its descriptor alone.
///
/// The image is embedded in the library, so a daemon needs no installation step. It is run from a sealed memfd; where
/// the kernel forbids that (`vm.memfd_noexec=2`), from a file without a name that only this process can reach.
package final class Trampoline: Sendable {
    /// Close-on-exec, above the places that descriptors of a child take.
    package let descriptor: Int32

    private let owner: OwnedDescriptor

    /// Directories for a file without a name, tried in this order; the first on a file system that allows programs.
    private static let directories = ["/run", "/var/lib", "/var/tmp", "/tmp"]

    #if arch(arm64)
    private static let machine: UInt16 = 183
    #else
    private static let machine: UInt16 = 62
    #endif

    private init(_ owner: OwnedDescriptor) {
        self.owner = owner
        descriptor = owner.rawValue
    }

    private static let made = Mutex<Trampoline?>(nil)

    /// The trampoline of this process, made at the first launch that finds a place for it.
    ///
    /// - Throws: `Errno` when it could not be made this time.
    package static func shared() throws(Errno) -> Trampoline {
        try made.withLock { made throws(Errno) in
            if let made { return made }
            let trampoline = try make()
            made = trampoline
            return trampoline
        }
    }

    /// Makes a trampoline.
    ///
    /// - Throws: `Errno` of `memfd_create(2)` or `open(2)` when there is no place for the image at all.
    package static func make() throws(Errno) -> Trampoline {
        var failure: Errno
        do {
            return try make(in: LAUNCH_IMAGE_SEALED_MEMORY, directory: nil)
        } catch {
            failure = error
        }
        for directory in directories where unsafe linux_is_mounted_noexec(directory) == 0 {
            do {
                return try make(in: LAUNCH_IMAGE_UNNAMED_FILE, directory: directory)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    package static func make(in place: launch_image_place, directory: String?) throws(Errno) -> Trampoline {
        let image = TrampolineImage.bytes
        // A library that was built on a machine of another kind brings that one's image: `e_machine` of elf(5) tells.
        guard image.count > 19, UInt16(image[18]) | UInt16(image[19]) << 8 == machine else { throw .execFormatError }
        let descriptor = unsafe image.withUnsafeBytes { buffer in
            unsafe launch_image_create(buffer.baseAddress, buffer.count, place, directory)
        }
        guard descriptor >= 0 else { throw Errno(rawValue: -descriptor) }
        return Trampoline(try OwnedDescriptor(moving: descriptor))
    }
}
