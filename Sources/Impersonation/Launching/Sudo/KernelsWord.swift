import CLaunchPlan
import Glibc
import LaunchPlan

/// What the kernel says of the end of a process that this one has not started.
package enum KernelsWord: Sendable, Hashable {
    case status(TerminationStatus)

    /// Nobody has waited for it so far.
    case notYet

    /// It does not say, or not any more.
    case unknown

    /// Whether it tells the end of a process to whoever has a descriptor of it: from Linux 6.15 on.
    ///
    /// By its version: without the end of a process nobody can ask, and 6.13 answers questions of others.
    package static let isTold: Bool = {
        var information = utsname()
        guard unsafe uname(&information) == 0 else { return false }
        return tellsEnds(
            unsafe withUnsafeBytes(of: information.release) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
        )
    }()

    /// The same of some release.
    ///
    /// - Parameter release: What `uname(2)` calls it; it begins with two numbers.
    /// - Returns: Whether it tells; not where it does not begin like that.
    static func tellsEnds(_ release: String) -> Bool {
        let parts = release.utf8.split(separator: UInt8(ascii: "."), maxSplits: 2, omittingEmptySubsequences: false)
        let numbers = parts.prefix(2).map { Int(Substring($0.prefix { (0x30...0x39).contains($0) })) }
        guard numbers.count == 2, let major = numbers[0], let minor = numbers[1] else { return false }
        return (major, minor) >= (6, 15)
    }

    /// Who asks the kernel for it, without waiting.
    typealias Source = @Sendable (StartedChild) -> KernelsWord

    /// What whoever has a descriptor of a process is told once its parent has waited for it (Linux 6.15).
    static let ofOthers: Source = { process in
        process.processDescriptor.withOpen { descriptor in
            var exit = launch_exit()
            // Only -ENODATA may change.
            return switch unsafe launch_exit_of_reaped(descriptor, &exit) {
            case 0: .status(TerminationStatus(exit))
            case -ENODATA: .notYet
            default: .unknown
            }
        }
    }

    /// What the parent of a process is told.
    ///
    /// That is this one where it inherits orphans, as the first process of a container, or by `PR_SET_CHILD_SUBREAPER`. Nobody else
    /// waits for them then, and they would stay zombies for good.
    static let ofOrphans: Source = { process in
        process.processDescriptor.withOpen { descriptor in
            var exit = launch_exit()
            return switch unsafe launch_reap(descriptor, &exit) {
            case 1: .status(TerminationStatus(exit))
            case 0: .notYet
            default: .unknown
            }
        }
    }
}

extension TerminationStatus {
    fileprivate init(_ exit: launch_exit) {
        self =
            exit.code == CLD_EXITED
            ? .exited(exit.status)
            : .signaled(Signal(rawValue: exit.status), coreDumped: exit.code == CLD_DUMPED)
    }
}
