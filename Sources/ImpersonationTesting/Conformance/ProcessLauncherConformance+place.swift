import Impersonation
import SystemPackage

extension ProcessLauncherConformance {
    static let placeRequirements: [Requirement] = [
        Requirement("a job starts in the account's home or where it is told to, and the report says so") { subject in
            var command = LauncherUnderTest.script("pwd -P; cd; pwd -P")
            let atHome = try await subject.run(command)
            try require("the directory of the job, beside its home", atHome.lines.first, is: atHome.lines.last)
            let home = subject.identity.account.homeDirectory
            try require("the reported directory", atHome.process.report.workingDirectory, is: home)
            command.workingDirectory = .path("/usr")
            let elsewhere = try await subject.run(command)
            try require("the directory of the job", elsewhere.lines.first, is: "/usr")
            try require("the reported directory", elsewhere.process.report.workingDirectory, is: "/usr")
        },
        Requirement("a job whose home cannot be entered starts in /, and the report says so") { subject in
            let homeless = try await homeless(subject)
            let job = try await subject.run(LauncherUnderTest.script("pwd -P"), as: homeless)
            try require("the directory of the job", job.lines, is: ["/"])
            try require("the reported directory", job.process.report.workingDirectory, is: "/")
        },
        Requirement("a directory that the account cannot enter is an error, and nothing runs") { subject in
            try await subject.withScratch { path in
                var command = LauncherUnderTest.script(#": >"$1""#, path.string)
                command.workingDirectory = .path(path.appending("missing"))
                let error = try await subject.mustRefuse(
                    command,
                    "a directory that is not there",
                    because: .stepFailed,
                    at: .workingDirectory
                )
                try require("the error number", error.errno, is: .noSuchFileOrDirectory)
                try require(!subject.exists(path), "the job has run all the same")
            }
        },
        Requirement("the file mode creation mask is the command's") { subject in
            var command = LauncherUnderTest.script("umask")
            try require("the mask", Int(try await subject.run(command).lines.first ?? "", radix: 8), is: 0o022)
            command.fileModeCreationMask = FilePermissions(rawValue: 0o077)
            try require("the mask", Int(try await subject.run(command).lines.first ?? "", radix: 8), is: 0o077)
        },
        Requirement("resource limits are the command's, soft and hard") { subject in
            var command = Command(.path("/bin/cat"), arguments: ["/proc/self/limits"])
            let usual = try await limits(subject, command)
            try require("the soft limit of core files", usual["Max core file size"]?.soft, is: "0")
            try require("the soft limit of real-time priority", usual["Max realtime priority"]?.soft, is: "0")
            command.resourceLimits[.openFiles] = ResourceLimits.Limit(soft: 64, hard: 128)
            command.resourceLimits[.processorTime] = ResourceLimits.Limit(soft: 1_000, hard: 2_000)
            let asked = try await limits(subject, command)
            try require("the soft limit of open files", asked["Max open files"]?.soft, is: "64")
            try require("the hard limit of open files", asked["Max open files"]?.hard, is: "128")
            try require("the soft limit of processor time", asked["Max cpu time"]?.soft, is: "1000")
            try require("the hard limit of processor time", asked["Max cpu time"]?.hard, is: "2000")
        },
        Requirement("the nice value is the command's") { subject in
            let (_, usual) = try await subject.statistics()
            try require("the nice value", usual[16], is: "0")
            let (_, asked) = try await subject.statistics { $0.niceness = 7 }
            try require("the nice value", asked[16], is: "7")
        },
    ]

    /// Somebody who cannot enter his home.
    private static func homeless(_ subject: LauncherUnderTest) async throws -> ExecutionIdentity {
        if let homeless = subject.homeless { return homeless }
        let account = subject.identity.account
        let homeless = Account(
            name: account.name,
            userID: account.userID,
            groupID: account.groupID,
            groups: account.groups,
            homeDirectory: "/nonexistent/home",
            shell: account.shell
        )
        return try await .forTesting(account: homeless, login: subject.identity.login, mode: subject.identity.mode)
    }

    private static func limits(
        _ subject: LauncherUnderTest,
        _ command: Command
    ) async throws -> [String: (soft: String, hard: String)] {
        var limits: [String: (soft: String, hard: String)] = [:]
        for line in try await subject.run(command).lines {
            // The columns have a width, and names have blanks.
            let name = line.prefix(26).split(separator: " ").joined(separator: " ")
            let values = line.dropFirst(26).split(separator: " ").map { String($0) }
            if values.count >= 2 { limits[name] = (values[0], values[1]) }
        }
        return limits
    }
}
