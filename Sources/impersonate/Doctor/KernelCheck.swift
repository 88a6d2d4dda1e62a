import CCapability
import FoundationEssentials
import Glibc
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
        let ownGroups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
        let mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        let mountPoint = mounts.split(separator: "\n").lazy
            .map { $0.split(separator: " ") }
            .first { fields in
                guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 1, fields.count > 4 else {
                    return false
                }
                return fields[dash + 1] == "cgroup2"
            }?[4]
        guard let mountPoint,
            let own = ownGroups.split(separator: "\n").first(where: { $0.hasPrefix("0::") })?.dropFirst(3)
        else {
            return Finding(
                check,
                .warning,
                "not mounted: a job's descendants that leave its session cannot be found again",
                remedy: "mount -t cgroup2 none /sys/fs/cgroup"
            )
        }
        let directory = "\(mountPoint)\(own == "/" ? "" : own)"
        guard unsafe access(directory, W_OK) == 0 else {
            return Finding(
                check,
                .warning,
                "\(directory) is not writable: a job's descendants that leave its session cannot be found again",
                remedy: "set Delegate=yes for the unit, or remount the file system writable"
            )
        }
        return Finding(check, .ok, "\(directory) is writable")
    }

    private static func unreadable(_ check: String) -> Finding {
        Finding(check, .warning, "could not be read", remedy: "mount /proc")
    }

    private static func setting(_ path: String) -> Int? {
        let text = try? String(contentsOfFile: "/proc/sys/\(path)", encoding: .utf8)
        return text.flatMap { Int($0.filter { !$0.isNewline }) }
    }
}
