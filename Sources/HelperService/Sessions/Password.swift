import CHelperService
import LaunchPlan
import SystemPackage

/// The password of an account, in memory of its own that is wiped when the value goes.
@safe
struct Password: ~Copyable {
    private var memory: helper_password

    /// Reads a password to the end of a pipe: what was read is not there any more for anybody else.
    ///
    /// - Parameters:
    ///   - pipe: The pipe.
    ///   - milliseconds: How long it may take to its end.
    /// - Throws: `Errno` when there is none to be had, or it is longer than PAM takes.
    init(from pipe: OwnedDescriptor, within milliseconds: Int32) throws(Errno) {
        unsafe memory = helper_password()
        let result = unsafe helper_password_read(pipe.rawValue, milliseconds, &memory)
        guard result == 0 else { throw Errno(rawValue: -result) }
    }

    deinit {
        var memory = unsafe memory
        unsafe helper_password_wipe(&memory)
    }

    /// The text, with a zero behind it.
    @unsafe var text: UnsafePointer<CChar>? { unsafe UnsafePointer(memory.text) }
}
