import ArgumentParser
import CCapability
import Glibc

/// Privileges that a process has from the file of its program and not from whoever started it.
///
/// `AT_SECURE` tells set-id bits and file capabilities alike (`getauxval(3)`); ambient capabilities, which a service
/// manager gives to a service and not to a file, leave it 0. What root himself starts can only lose by its file, and
/// a security module that sets `AT_SECURE` for a service of root's is no reason to refuse.
struct PrivilegesOfFile {
    let userID: uid_t
    let effectiveUserID: uid_t
    let groupID: gid_t
    let effectiveGroupID: gid_t
    let isSecure: Bool

    /// Those of the running program.
    static var ofThisProcess: PrivilegesOfFile {
        PrivilegesOfFile(
            userID: getuid(),
            effectiveUserID: geteuid(),
            groupID: getgid(),
            effectiveGroupID: getegid(),
            isSecure: getauxval(UInt(AT_SECURE)) != 0
        )
    }

    /// Refuses to go on with such privileges: the tool would take its orders from anybody.
    ///
    /// - Throws: ``StartRefusal`` with the remedy and status 125.
    func refuse() throws(StartRefusal) {
        guard userID == effectiveUserID, groupID == effectiveGroupID, userID == 0 || !isSecure else {
            throw StartRefusal(
                message: "impersonate: not started: privilegedFile: this tool has a set-user-ID or set-group-ID bit or "
                    + "file capabilities, so it would act for anybody by anybody's configuration; take them away "
                    + "(chmod ug-s, setcap -r), and give capabilities to the service that runs it "
                    + "(AmbientCapabilities= of systemd)",
                exitCode: .refused
            )
        }
    }
}
