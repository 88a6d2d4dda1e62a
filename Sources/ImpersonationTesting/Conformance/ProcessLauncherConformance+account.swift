import Impersonation
import SystemPackage

extension ProcessLauncherConformance {
    static let accountRequirements: [Requirement] = [
        Requirement("every user id and group id of a job is the account's, and none is left to go back to") { subject in
            let status = try await subject.status()
            let account = subject.identity.account
            let userIDs = Array(repeating: "\(account.userID.rawValue)", count: 4).joined(separator: " ")
            let groupIDs = Array(repeating: "\(account.groupID.rawValue)", count: 4).joined(separator: " ")
            try require("the real, effective, saved and file system user id", status["Uid"], is: userIDs)
            try require("the real, effective, saved and file system group id", status["Gid"], is: groupIDs)
        },
        Requirement("a job has every group of the account and no other") { subject in
            let job = try await subject.run(Command(.path("/bin/cat"), arguments: ["/proc/self/status"]))
            let line = job.lines.first { $0.hasPrefix("Groups:") } ?? ""
            let words = line.dropFirst("Groups:".count).split(whereSeparator: \.isWhitespace)
            let groups = Set(words.compactMap { UInt32($0) })
            let account = subject.identity.account
            let added = job.process.report.session?.addedGroups ?? []
            // Whether the primary group is among the supplementary ones as well is all the same to the kernel.
            let found = groups.union([account.groupID.rawValue])
            try require("the groups", found.sorted(), is: Set((account.groups + added).map(\.rawValue)).sorted())
        },
        Requirement("the programs of a job see the account") { subject in
            let job = try await subject.run(LauncherUnderTest.script("id -u; id -ru; id -g; id -rg"))
            let account = subject.identity.account
            let (user, group) = ("\(account.userID.rawValue)", "\(account.groupID.rawValue)")
            try require("what id says", job.lines, is: [user, user, group, group])
        },
        Requirement("a job has no capability") { subject in
            let status = try await subject.status()
            for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
                try require("the set \(set)", status[set].flatMap { UInt64($0, radix: 16) }, is: 0)
            }
        },
        Requirement("a job can gain no capability by running a privileged program") { subject in
            let status = try await subject.status()
            try require("NoNewPrivs", status["NoNewPrivs"], is: "1")
            let bounding = status["CapBnd"].flatMap { UInt64($0, radix: 16) }
            try subject.demand(
                unless: .boundingSetIsKept,
                bounding == 0,
                "the bounding set is \(status["CapBnd"] ?? "unknown"), expected none"
            )
        },
        Requirement("nothing that a job can run makes it the superuser") { subject in
            // Those that are not there fail as well.
            let attempts = """
                exec 2>&1 </dev/null
                su root -c 'id -u'; sudo -n id -u; chroot / id -u; setpriv --reuid=0 id -u; setpriv --regid=0 id -g
                unshare --mount id -u; nsenter -t 1 -m id -u; newgrp root -c 'id -g'; cat /etc/shadow
                echo as: $(id -u) $(id -g)
                """
            let job = try await subject.run(LauncherUnderTest.script(attempts))
            let account = subject.identity.account
            let own = "as: \(account.userID.rawValue) \(account.groupID.rawValue)"
            try require(job.lines.last == own, "after its attempts the job is not the account any more: \(job.text)")
            let isRoot = job.lines.contains { $0 == "0" || $0.hasPrefix("root:") }
            try require(!isRoot, "an attempt succeeded: \(job.text)")
        },
    ]
}
