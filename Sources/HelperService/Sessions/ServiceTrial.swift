import CHelperService
import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import SystemPackage

/// Whether PAM can begin with a service at all, tried by a process of its own before anything depends on it.
///
/// Linux-PAM follows a file that includes itself until its stack is full, and an `include` without a name to nowhere. The first
/// process of the helper begins with a service as well, for a rehearsal.
enum ServiceTrial {
    private static let patience = Duration.seconds(30)

    /// Tries a service, and what PAM takes for what is missing in it.
    ///
    /// - Parameter service: The service.
    /// - Returns: What is wrong, as a clause; `nil` when nothing is.
    static func problem(of service: String) -> String? {
        if ServiceFile(of: service).isCutShort {
            return "it includes itself, or more than \(ServiceFile.filesMost) files; take out what leads back"
        }
        let child = helper_fork()
        if child == 0 { unsafe helper_session_try(service) }
        guard child > 0 else { return "no process can be made to try it (\(Errno(rawValue: -child)))" }
        let process = OwnedDescriptor(linux_pidfd_open(child))
        let isDone = Waiting.wait(for: [process.rawValue], until: .now + patience) == [0]
        if !isDone { _ = kill(child, SIGKILL) }
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard isDone else { return "PAM does not come to an end with it; see which of its modules hangs" }
        // As WTERMSIG has it.
        let signal = status & 0x7F
        return signal == 0
            ? nil
            : "PAM crashes over it (signal \(signal)); look for an include that leads back, or that names no file, also in the service "
                + "other"
    }
}
