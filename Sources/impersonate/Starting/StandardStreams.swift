import ArgumentParser
import Glibc
import SystemPackage

/// The descriptors 0 to 2 of this process.
enum StandardStreams {
    /// Opens `/dev/null` in the place of each standard stream this process was started without.
    ///
    /// Otherwise the next descriptor that anybody makes takes the place: messages would be written into the report or
    /// the audit log, and jobs would get the tool's own files as their standard streams. Nobody else may make
    /// descriptors meanwhile.
    ///
    /// - Throws: ``StartRefusal`` with status 125 when `/dev/null` cannot be opened.
    static func openClosedOnes() throws(StartRefusal) {
        for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
            // Not closed by an exec: a standard stream never is, and who gets it handed on can tell by that.
            let opened = unsafe open("/dev/null", O_RDWR | O_NOCTTY)
            guard opened == descriptor else {
                let reason = opened < 0 ? "\(Errno(rawValue: errno))" : "it became descriptor \(opened)"
                throw StartRefusal(
                    message: "impersonate: not started: streamMissing: descriptor \(descriptor) is closed, and "
                        + "/dev/null could not be opened in its place: \(reason); start the tool with its standard streams open",
                    exitCode: .refused
                )
            }
        }
    }
}
