import CCapability
import FoundationEssentials
import Glibc
import LaunchPlan
import SystemPackage

/// What the kernel offers and how it is set.
struct KernelCheck {
    func findings() -> [Finding] {
        [Self.dumpable(Self.setting("fs/suid_dumpable")), sealedProgram, ptraceScope] + features + [controlGroup]
    }

    /// What `fs.suid_dumpable` says (`proc_sys_fs(5)`); `nil` where it cannot be read.
    static func dumpable(_ value: Int?) -> Finding {
        switch value {
        case 0: Finding("fs.suid_dumpable", .ok, "0: what changes its account is out of reach of that account")
        case 2:
            Finding(
                "fs.suid_dumpable",
                .ok,
                "2: what changes its account is out of reach of that account; the direct mode is refused, it takes 0"
            )
        case 1:
            Finding(
                "fs.suid_dumpable",
                .warning,
                "1: an account may read the memory of what switches to it; the direct mode is refused, it takes 0",
                remedy: "sysctl -w fs.suid_dumpable=0"
            )
        default: unreadable("fs.suid_dumpable")
        }
    }

    private var sealedProgram: Finding {
        switch Self.setting("vm/memfd_noexec") {
        case 2:
            Finding(
                "vm.memfd_noexec",
                .warning,
                "2: programs do not run from memory; a file without a name in /run, /var/lib, /var/tmp or /tmp is used",
                remedy: "sysctl -w vm.memfd_noexec=1, or keep one of them mounted without noexec"
            )
        case .some(let value): Finding("vm.memfd_noexec", .ok, "\(value)")
        case nil: Finding("vm.memfd_noexec", .ok, "this kernel has no such setting")
        }
    }

    private var ptraceScope: Finding {
        switch Self.setting("kernel/yama/ptrace_scope") {
        case .some(let value):
            Finding("yama.ptrace_scope", .ok, "\(value); jobs that share an account can trace each other when it is 0")
        case nil:
            Finding(
                "yama.ptrace_scope",
                .ok,
                "this kernel has no Yama: jobs that share an account can trace each other"
            )
        }
    }

    private var features: [Finding] {
        [
            Self.feature("clone3", kernel_feature_clone3(), needed: true, since: "5.3"),
            Self.feature("pidfd", kernel_feature_pidfd(), needed: true, since: "5.3"),
            Self.feature("close_range", kernel_feature_close_range(), needed: true, since: "5.11"),
            Self.feature("PIDFD_GET_INFO", kernel_feature_pidfd_get_info(), needed: false, since: "6.13"),
        ]
    }

    private static func feature(_ name: String, _ errorNumber: CInt, needed: Bool, since version: String) -> Finding {
        guard errorNumber != 0 else { return Finding(name, .ok, "there") }
        let reason =
            errorNumber == EPERM ? "forbidden by a seccomp filter" : "not there (\(Errno(rawValue: errorNumber)))"
        return Finding(
            name,
            needed ? .failed : .warning,
            reason + (needed ? "" : ": the ids of a job are not read back from outside"),
            remedy: "use Linux \(version) or newer, and allow the call in seccomp filters"
        )
    }

    private var controlGroup: Finding {
        let check = "cgroup v2"
        let consequence = "a job's descendants that leave its session cannot be found again"
        do throws(ControlGroupError) {
            let directory = try ControlGroupParent.ownPath().string
            guard unsafe access(directory, W_OK) == 0 else {
                return Finding(
                    check,
                    .warning,
                    "\(directory) is not writable: \(consequence)",
                    remedy: "set Delegate=yes for the unit, or remount the file system writable"
                )
            }
            return Finding(check, .ok, "\(directory) is writable")
        } catch {
            let parts = error.message.split(separator: "; ", maxSplits: 1).map(String.init)
            return Finding(
                check,
                .warning,
                "\(parts[0]): \(consequence)",
                remedy: parts.count > 1 ? parts[1] : "mount -t cgroup2 none /sys/fs/cgroup"
            )
        }
    }

    private static func unreadable(_ check: String) -> Finding {
        Finding(check, .warning, "could not be read", remedy: "mount /proc")
    }

    private static func setting(_ path: String) -> Int? {
        let text = try? String(contentsOfFile: "/proc/sys/\(path)", encoding: .utf8)
        return text.flatMap { Int($0.filter { !$0.isNewline }) }
    }
}
