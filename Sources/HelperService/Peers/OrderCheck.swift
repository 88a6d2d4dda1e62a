import CHelperService
import CLaunchPlan
import Glibc
package import LaunchPlan
package import LaunchProtocol
import SystemPackage

/// What of an order no policy permits: whatever would give a job, or through it the daemon, more than the account has by
/// itself.
package struct OrderCheck: Sendable {
    /// The helper's own limits and priority, which a job does not exceed.
    package let helper: DaemonFacts

    /// The nice value of the helper.
    package let niceness: Int32

    package init(helper: DaemonFacts, niceness: Int32) {
        self.helper = helper
        self.niceness = niceness
    }

    /// What is wrong with an order.
    ///
    /// - Parameters:
    ///   - order: The order.
    ///   - descriptors: What came with it.
    ///   - peer: The user id of the daemon.
    ///   - account: The account as the helper has looked it up.
    ///   - variables: The variables that the policy permits, where only certain programs are.
    /// - Returns: A refusal, or `nil`.
    package func refusal(
        of order: LaunchOrder,
        with descriptors: [OwnedDescriptor],
        from peer: UInt32,
        _ account: AccountCheck,
        whereRestricted variables: Set<String>?
    ) -> Refusal? {
        if order.niceness < niceness {
            return Refusal(
                reason: "niceness",
                message: "nice value \(order.niceness) is below the helper's own, \(niceness); ask for that or more"
            )
        }
        let (empties, gainsNothing) = (order.emptiesBoundingSet, order.noNewPrivileges)
        if helper.wouldKeepBoundingSet(emptiesBoundingSet: empties, noNewPrivileges: gainsNothing) {
            return Self.boundingSetKept
        }
        for limit in order.resourceLimits {
            let own = helper.limits[limit.resource]?.hard ?? 0
            guard let hard = limit.hard, hard > own else { continue }
            return Refusal(
                reason: "resource-limit",
                message:
                    "hard limit \(hard) of resource \(limit.resource) is above the helper's own, \(own); ask for less"
            )
        }
        if order.terminal != nil {
            let isTheDaemons = descriptors.prefix(3)
                .allSatisfy { helper_is_terminal_of($0.rawValue, peer) == 1 }
            guard isTheDaemons else {
                return Refusal(
                    reason: "terminal",
                    message: "the standard streams are not a pseudo-terminal of the daemon's own; pass its other side"
                )
            }
        }
        guard let variables else { return nil }
        guard order.streamFiles.isEmpty else {
            return Refusal(
                reason: "stream-files",
                message:
                    "where only certain programs are permitted, none of them writes to a path of the daemon's choosing; "
                    + "pass descriptors"
            )
        }
        guard order.fileModeCreationMask & Self.othersWrite == Self.othersWrite else {
            return Refusal(
                reason: "umask",
                message:
                    "where only certain programs are permitted, nobody else writes to what they make; ask for a file mode "
                    + "creation mask with 022 in it"
            )
        }
        return environmentRefusal(of: order, account, permitting: variables)
    }

    /// Nobody empties the bounding set of a job that could gain what is in it.
    static let boundingSetKept = Refusal(
        reason: "bounding-set-kept",
        message:
            "the job may gain privileges and is to have an empty capability bounding set, which the helper cannot give it "
            + "without CAP_SETPCAP; give the helper that, or ask for no_new_privs"
    )

    /// Others than the owner writing.
    private static let othersWrite: UInt16 = 0o022

    /// Where only certain programs are permitted, their environment must not make others of them.
    ///
    /// Everything is compared byte by byte, as the program will do.
    private func environmentRefusal(
        of order: LaunchOrder,
        _ account: AccountCheck,
        permitting permitted: Set<String>
    ) -> Refusal? {
        let fixed: [[UInt8]: [UInt8]] = [
            Array("HOME".utf8): Array((account.homeDirectory.isEmpty ? "/" : account.homeDirectory).utf8),
            Array("SHELL".utf8): Array((account.shell.isEmpty ? "/bin/sh" : account.shell).utf8),
            Array("USER".utf8): order.account, Array("LOGNAME".utf8): order.account,
            Array("PATH".utf8): Array(EnvironmentDangers.searchPath.utf8),
        ]
        let permitted = Set(permitted.map { Array($0.utf8) })
        var seen: Set<[UInt8]> = []
        for variable in order.environment {
            guard let cut = variable.firstIndex(of: UInt8(ascii: "=")) else { return Self.environment("one of them") }
            let (name, value) = (Array(variable[..<cut]), Array(variable[(cut + 1)...]))
            defer { value.wipe() }
            let isPermitted =
                fixed[name].map { $0 == value }
                ?? (EnvironmentDangers.isHarmless(name, value)
                    || permitted.contains(name) && !EnvironmentDangers.isDangerous(name, value))
            guard isPermitted, EnvironmentDangers.isName(name), seen.insert(name).inserted else {
                return Self.environment(String(decoding: name, as: UTF8.self))
            }
        }
        return nil
    }

    private static func environment(_ name: String) -> Refusal {
        Refusal(
            reason: "environment",
            message:
                "the variable \(name.onOneLine) is there twice, or could make another program of a permitted one; leave "
                + "it out"
        )
    }

    /// Who else may write to the terminal of a job: the group that the file system for terminals gives them, or nobody.
    ///
    /// - Parameters:
    ///   - terminal: The job's side of it, which the daemon has opened.
    ///   - credentials: Who the job runs as.
    ///   - peerGroup: The group of the daemon, which a terminal has where the file system gives it none.
    /// - Returns: The group and the mode.
    package static func access(
        to terminal: OwnedDescriptor,
        for credentials: ChildPlan.Credentials,
        peerGroup: UInt32
    ) -> ChildPlan.TerminalAccess {
        let group = helper_group_of(terminal.rawValue)
        guard group != .max, group != 0, group != peerGroup else {
            return ChildPlan.TerminalAccess(groupID: credentials.groupID, mode: .ownerReadWrite)
        }
        return ChildPlan.TerminalAccess(groupID: group, mode: [.ownerReadWrite, .groupWrite])
    }
}
