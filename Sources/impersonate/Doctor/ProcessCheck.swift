import CCapability
import Glibc
import Impersonation

/// What this process was started with, and what that means for a daemon started the same way.
struct ProcessCheck {
    let backend: BackendChoice
    let status: ProcessStatus

    func findings() -> [Finding] {
        [effectiveUserID, noNewPrivileges, securebits, childSignal]
    }

    private var effectiveUserID: Finding {
        switch (backend, geteuid()) {
        case (.sudo, 0):
            Finding(
                "user id",
                .failed,
                "0, and root needs no sudo: jobs would be refused",
                remedy: "run the daemon as an account without privileges, or use launch_backend = setuid"
            )
        case (.sudo, let uid):
            Finding("user id", .ok, "\(uid); sudo switches accounts")
        case (.current, 0):
            Finding(
                "user id",
                .failed,
                "0, and the backend current runs jobs as this process itself: no job runs as the superuser",
                remedy: "run as an ordinary account, or use launch_backend = setuid"
            )
        case (.current, let uid):
            Finding("user id", .ok, "\(uid); every job runs as it")
        case (.helper, let uid), (.pam, let uid):
            Finding("user id", .ok, "\(uid); the system helper switches accounts")
        case (.setuid, 0):
            Finding("user id", .ok, "0")
        case (.setuid, let uid):
            Finding(
                "user id",
                .warning,
                "\(uid), not root: the capabilities below decide, and the direct mode is refused",
                remedy: "run as root, or with CAP_SETUID and CAP_SETGID"
            )
        }
    }

    private var noNewPrivileges: Finding {
        guard status["NoNewPrivs"] == "1" else { return Finding("no_new_privs", .ok, "not set") }
        guard backend != .sudo else {
            return Finding(
                "no_new_privs",
                .failed,
                "set for this process: sudo can gain no privileges",
                remedy: "leave NoNewPrivileges= out of the unit, and everything that implies it"
            )
        }
        return Finding(
            "no_new_privs",
            .warning,
            "set for this process and so for every job, whatever the job asks for",
            remedy: "leave NoNewPrivileges= out of the unit if jobs need sudo or ping"
        )
    }

    private var securebits: Finding {
        let bits = cap_get_secbits()
        guard bits != 0 else { return Finding("securebits", .ok, "none set") }
        return Finding(
            "securebits",
            .warning,
            "0x\(String(bits, radix: 16)) set: root's user id alone may give no capability",
            remedy: "leave SecureBits= out of the unit, or make sure that the capabilities above are held"
        )
    }

    private var childSignal: Finding {
        guard status.contains(Signal(rawValue: SIGCHLD), in: "SigIgn") else {
            return Finding("SIGCHLD", .ok, "not ignored")
        }
        return Finding(
            "SIGCHLD",
            .failed,
            "ignored since before this process was started: the kernel keeps no exit status of jobs",
            remedy: "start the daemon without ignoring SIGCHLD, or let it set the signal back first"
        )
    }
}
