import Foundation
import SystemPackage
import Testing

@testable import HelperService

@Suite("What is installed beside the helper")
struct PackagingTests {
    private static let folder = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent().appending("Packaging")

    private func text(_ name: String) throws -> String {
        try String(contentsOf: URL(filePath: Self.folder.appending(name).string), encoding: .utf8)
    }

    @Test
    func `The sample policy is refused as it stands, with what to fill in`() throws {
        let text = try text("policy.conf")
        let last = text.split(separator: "\n", omittingEmptySubsequences: false).count
        #expect(
            complaints(about: text) == [
                "f:\(last): the file does not set \"peers\"; name the users that daemons run as: `peers = NAME @GROUP`",
                "f:\(last): the file does not set \"accounts\"; "
                    + "name the accounts that jobs may have: `accounts = NAME @GROUP`, or `accounts = *`",
            ]
        )
    }

    @Test
    func `Every key stands in the sample, each with its default or an example that is accepted`() throws {
        // A setting that is commented out begins right behind its '#'.
        let settings = try text("policy.conf").split(separator: "\n")
            .filter { $0.hasPrefix("#") && !$0.hasPrefix("# ") && $0 != "#" }.map { $0.dropFirst() }
        var names = Names()
        names.users[#"MYCORP\render"#] = .number(11_104)
        names.groups["artists"] = .number(3_100)
        names.groups["sudo"] = .number(27)
        names.groups["docker"] = .number(998)
        names.groups["shadow"] = .number(42)
        let policy = try HelperPolicy.reading(settings.joined(separator: "\n"), names: names)
        #expect(Set(policy.lines.keys) == Set(PolicyKey.allCases))
        let defaults = try HelperPolicy.with("")
        #expect(policy.minimumUserID == defaults.minimumUserID)
        #expect(policy.minimumGroupID == defaults.minimumGroupID)
        #expect(policy.groups == defaults.groups)
        #expect(policy.newPrivileges == defaults.newPrivileges)
        #expect(policy.inheritedBoundingSet == defaults.inheritedBoundingSet)
        #expect(policy.keepingJobs == defaults.keepingJobs)
        #expect(policy.startsWithoutSession == defaults.startsWithoutSession)
        #expect(policy.maximumJobs == defaults.maximumJobs)
        #expect(policy.maximumJobsPerPeer == defaults.maximumJobsPerPeer)
        #expect(policy.maximumStartTime == defaults.maximumStartTime)
    }

    @Test
    func `Every line of the sample that is commented out shows the default, unless it says that it is an example`()
        throws
    {
        let lines = try text("policy.conf").split(separator: "\n", omittingEmptySubsequences: false)
        var examples: [String] = []
        var defaults: [Substring] = []
        for (before, line) in zip(lines, lines.dropFirst()) {
            guard line.hasPrefix("#"), !line.hasPrefix("# "), line != "#" else { continue }
            let setting = line.dropFirst()
            if before.hasSuffix("Example, not a default:") {
                examples.append(setting.prefix { $0 != " " }.description)
            } else {
                defaults.append(setting)
            }
        }
        // Those that have no default, or one that is not to be written.
        #expect(
            examples == [
                "peers", "accounts", "denied-accounts", "denied-groups", "executable-directories", "control-groups",
                "pam-services", "pam-session-idle", "environment",
            ]
        )
        #expect(examples.count + defaults.count == PolicyKey.allCases.count)
        let unset = try HelperPolicy.with("").summary
        for setting in defaults { #expect(try HelperPolicy.with(String(setting)).summary == unset, "\(setting)") }
        // Which would not be so of the others.
        #expect(try HelperPolicy.with("denied-groups = 42").summary != unset)
        #expect(
            lines.contains("# A line that is commented out shows the default, unless it says that it is an example.")
        )
    }

    @Test
    func `The helper is installed unreadable, so that nobody can trace it from its first instruction on`() throws {
        let makefile = Self.folder.removingLastComponent().appending("Makefile")
        let lines = try String(contentsOf: URL(filePath: makefile.string), encoding: .utf8).split(separator: "\n")
        let installed = lines.filter { $0.contains("install") && $0.hasSuffix("/usr/libexec/impersonation-helper") }
        #expect(installed.count == 1)
        #expect(installed.allSatisfy { $0.contains(" -m 0711 ") })
    }

    @Test
    func `systemd has nothing to say against the units`() throws {
        let units = ["impersonation-helper.socket", "impersonation-helper.service"]
        let scratch = URL(filePath: NSTemporaryDirectory()).appending(path: "units-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        for unit in units {
            let lines = try text(unit).split(separator: "\n", omittingEmptySubsequences: false)
                // The helper itself is not installed where its tests run.
                .map { $0.hasPrefix("ExecStart=") ? "ExecStart=/bin/true" : String($0) }
            try lines.joined(separator: "\n")
                .write(to: scratch.appending(path: unit), atomically: true, encoding: .utf8)
        }
        #expect(try verify(units, in: scratch) == "")
        // It says what it does not understand, and its exit status does not.
        let broken = scratch.appending(path: "broken.service")
        try "[Service]\nExecStart=/bin/true\nKillMode=mixd\n".write(to: broken, atomically: true, encoding: .utf8)
        #expect(try verify(["broken.service"], in: scratch).contains("mixd"))
    }

    @Test
    func `The unit gives the helper precedence, and starts it again as long as that may be of use`() throws {
        let lines = Set(try text("impersonation-helper.service").split(separator: "\n"))
        // -10 as a limit is 30 (getrlimit(2)), for which the helper asks (SessionPrecedence).
        #expect(lines.contains("LimitNICE=-10"))
        #expect(lines.contains("StartLimitIntervalSec=0"))
        let lasting = [HelperError.Code.usage, .notPermitted, .configuration].map { "\($0.rawValue)" }
        #expect(lines.contains { $0 == "RestartPreventExitStatus=\(lasting.joined(separator: " "))" })
    }

    private func verify(_ units: [String], in scratch: URL) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/systemd-analyze")
        process.arguments = ["verify", "--man=no"] + units.map { scratch.appending(path: $0).path }
        let messages = scratch.appending(path: "messages")
        try Data().write(to: messages)
        let handle = try FileHandle(forWritingTo: messages)
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try String(contentsOf: messages, encoding: .utf8)
    }

    /// Options that a job inherits with the helper's namespaces, filters and flags.
    private static let inherited = [
        "NoNewPrivileges", "RestrictSUIDSGID", "PrivateTmp", "PrivateDevices", "PrivateNetwork", "PrivateUsers",
        "PrivateMounts", "ProtectSystem", "ProtectHome", "ProtectProc", "ProtectKernelTunables",
        "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "ProtectClock", "ProtectHostname",
        "ReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths", "SystemCallFilter", "SystemCallArchitectures",
        "MemoryDenyWriteExecute", "LockPersonality", "RestrictNamespaces", "RestrictRealtime",
        "RestrictAddressFamilies", "IPAddressDeny", "DynamicUser", "User", "Group", "SecureBits", "RootDirectory",
        "LimitNPROC",
    ]

    @Test
    func `Nothing in the unit of the helper confines its jobs, and no capability is left to them`() throws {
        let lines = try text("impersonation-helper.service").split(separator: "\n").map(String.init)
        for option in Self.inherited { #expect(!lines.contains { $0.hasPrefix("\(option)=") }, "\(option)") }
        #expect(lines.contains("CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_SETPCAP CAP_KILL"))
        #expect(lines.contains("AmbientCapabilities="))
        #expect(lines.contains("Delegate=yes"))
        #expect(
            lines.contains(
                "ExecStart=/usr/libexec/impersonation-helper --policy /etc/impersonation/helper.conf "
                    + "--adoption-directory /run/impersonation-jobs"
            )
        )
    }

    @Test
    func `The socket is for members of its group, in a directory of root`() throws {
        let lines = try text("impersonation-helper.socket").split(separator: "\n").map(String.init)
        for line in [
            "ListenSequentialPacket=/run/impersonation/helper.sock", "SocketMode=0660", "SocketGroup=impersonation",
            "DirectoryMode=0755", "RemoveOnStop=yes",
        ] { #expect(lines.contains(line), "\(line)") }
        #expect(!lines.contains { $0.hasPrefix("Accept=") })
    }
}
