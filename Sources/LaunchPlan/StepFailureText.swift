package import CLaunchPlan
import Glibc
package import SystemPackage

/// What a failed step means to a person, and what to do about it.
package enum StepFailureText {
    /// What a failed step means for the launch.
    package enum Kind: Sendable {
        /// A step on the way to the program failed.
        case step
        /// The program was not found, or the account may not run it.
        case program
        /// The kernel does not confirm the switch.
        case verification
        /// The caller had taken the launch back.
        case withdrawal
    }

    /// Tells what a failed step means for the launch.
    ///
    /// - Parameter failed: What the interpreter reported.
    /// - Returns: The kind of failure.
    package static func kind(of failed: launch_failure) -> Kind {
        switch failed.step {
        case LAUNCH_STEP_VERIFY_USER_ID.rawValue...LAUNCH_STEP_VERIFY_NO_NEW_PRIVILEGES.rawValue: .verification
        case LAUNCH_STEP_EXECUTE.rawValue: .program
        // The arguments of the job are the trampoline's on the way, so the kernel may find them too large there.
        case LAUNCH_STEP_EXECUTE_TRAMPOLINE.rawValue where failed.error == E2BIG: .program
        case LAUNCH_STEP_COMMIT.rawValue where failed.error == ECANCELED: .withdrawal
        default: .step
        }
    }

    /// Describes a step that failed in the child.
    ///
    /// - Parameters:
    ///   - operation: The operation that failed, when it is known.
    ///   - errno: What the kernel said.
    /// - Returns: What happened and what to do about it.
    package static func describe(_ operation: ChildOperation?, errno: Errno) -> String {
        switch operation {
        case .execute(let paths): execute(paths, errno)
        case .executeTrampoline where errno == .argListTooLong: execute([], errno)
        case .enterDirectory(let path, _):
            "the account cannot enter \(path); create the directory, make every directory above it searchable for the "
                + "account, or choose another"
        case .openStream(let path, let flags, _, _): openStream(path, flags, errno)
        case .setGroups, .setGroupID: switching("CAP_SETGID", "gid_map", errno)
        case .setUserID, .setEffectiveUserID: switching("CAP_SETUID", "uid_map", errno)
        case .emptyBoundingSet: missing("CAP_SETPCAP", errno)
        case .niceness(let value):
            "nice value \(value) was refused; a value below the daemon's own needs CAP_SYS_NICE"
        case .limit(let resource, let soft, let hard):
            "limit \(resource) (soft \(soft), hard \(hard)) was refused; a hard limit above the daemon's own "
                + "needs CAP_SYS_RESOURCE"
        case .verifyUserID, .verifyGroupID, .verifyGroups, .verifyCapabilities, .verifyNoRegain,
            .verifyNoNewPrivileges:
            "the kernel does not confirm the switch, so the job was not run; look for a security module or a system "
                + "call filter on the daemon"
        case .controllingTerminal:
            "the pseudo-terminal could not become the job's; look for a security module or a system call filter on the daemon"
        case .ownTerminal:
            errno == .notPermitted
                ? "the daemon lacks CAP_CHOWN, which the job's terminal needs; run it as root, or give it that capability"
                : "the pseudo-terminal could not be given to the account; look at the mount options of /dev/pts"
        case .moveDescriptors:
            "the limit of open files is too low for the extra descriptors, which need ten more on the way; raise the "
                + "job's, or give it fewer"
        case .tieToParent:
            "the process that started the job has ended meanwhile; start it again"
        case .joinSessionKeyring:
            "no session keyring of its own could be made; raise /proc/sys/kernel/keys/maxkeys of the daemon's account"
        default:
            "the kernel refused; look for a system call filter on the daemon, or a limit that is reached"
        }
    }

    /// Describes a step that failed in the daemon itself.
    ///
    /// - Parameter errno: What the kernel said.
    /// - Returns: What happened and what to do about it.
    package static func describeInDaemon(_ errno: Errno) -> String {
        switch errno {
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem:
            "the daemon has no descriptor left; close some, or raise its limit (RLIMIT_NOFILE)"
        case .noMemory, .resourceTemporarilyUnavailable:
            "the kernel has no memory or process left for a child; try again later"
        case .noSpace:
            "no pseudo-terminal is left; end jobs that have one, or raise /proc/sys/kernel/pty/max"
        case .badFileDescriptor:
            "a descriptor given to the job is not open; give one that is"
        default:
            "the kernel refused; look for a system call filter on the daemon, or a limit that is reached"
        }
    }

    private static func missing(_ capability: String, _ errno: Errno) -> String {
        errno == .notPermitted
            ? "the daemon lacks \(capability); run it as root, or give it that capability"
            : "the kernel refused the switch, so nothing was run; look for a security module or a system call filter on the daemon"
    }

    private static func switching(_ capability: String, _ map: String, _ errno: Errno) -> String {
        errno == .invalidArgument
            ? "the id has no place in the user namespace of the daemon (/proc/self/\(map)); map it, or run the daemon outside"
            : missing(capability, errno)
    }

    private static func execute(_ paths: [FilePath], _ errno: Errno) -> String {
        let name = paths.first?.lastComponent?.string ?? "the program"
        let what = paths.count == 1 ? paths[0].string : "\(name) in the search path"
        return switch errno {
        case .noSuchFileOrDirectory:
            "\(what) does not exist, or the interpreter it names does not; check the path on this host"
        case .permissionDenied:
            "the account may not run \(what); it needs the right to execute it, to search every directory above it, and "
                + "a file system that is not mounted noexec"
        case .resourceTemporarilyUnavailable:
            "the account has reached its limit of processes (RLIMIT_NPROC); end some, or raise the limit"
        case .argListTooLong:
            "arguments and environment are larger than the kernel takes; a quarter of the stack limit is the most"
        case .execFormatError:
            "\(what) is no program this machine can run; a script needs a #! line"
        case .textFileBusy:
            "\(what) is open for writing, so nobody can execute it; start the job again when it is closed"
        default:
            "\(what) could not be executed; try it by hand, as the account, and look at its file system"
        }
    }

    private static func openStream(_ path: FilePath, _ flags: Int32, _ errno: Errno) -> String {
        let isOutput = flags & O_ACCMODE != O_RDONLY
        return switch errno {
        case .fileExists:
            "\(path) is there already, and `.createNew` makes no other; name another file, or use `.append`"
        case .isDirectory:
            "\(path) is a directory; name a file in it"
        case .notDirectory:
            "a part of \(path) before the last is a file and no directory; name another one"
        case .noSuchFileOrDirectory where isOutput:
            "the directory of \(path) does not exist, and only the file itself is made; create the directory, as the account or "
                + "for it"
        case .noSuchFileOrDirectory:
            "\(path) does not exist; check the path on this host"
        case .permissionDenied where isOutput:
            "the account may not write \(path); make it writable for the account, or its directory where it is not there, and "
                + "every directory above searchable"
        case .permissionDenied:
            "the account may not read \(path); make it readable for the account, and every directory above searchable"
        case .noSpace, .diskQuotaExceeded:
            "\(path) could not be created, because \(errno == .noSpace ? "its file system is full" : "a quota is used up"); make "
                + "room for another file, in bytes and in number (df -i, quota)"
        case .readOnlyFileSystem:
            "\(path) is on a file system that is mounted read-only; name one on another"
        case .tooManySymbolicLinkLevels where isOutput:
            "\(path) is a symbolic link, which is not followed for output, or leads through ones that do not end; name the file "
                + "itself"
        case .tooManySymbolicLinkLevels:
            "\(path) leads through symbolic links that do not end; name the file itself"
        case .noSuchAddressOrDevice:
            "\(path) is a FIFO that nobody reads, a socket, or a device that is not there; name a regular file"
        case .resourceTemporarilyUnavailable:
            "somebody has a lease on \(path) (F_SETLEASE), and a launch does not wait; start the job again, or name another file"
        case .textFileBusy:
            "\(path) is a program that runs; name another file"
        default:
            "\(path) could not be opened; try it by hand, as the account, and look at its file system"
        }
    }
}
