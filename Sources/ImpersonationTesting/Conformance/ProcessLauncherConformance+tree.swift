import Impersonation
import SystemPackage

extension ProcessLauncherConformance {
    static let treeRequirements: [Requirement] = [
        Requirement("a limit holds for all processes of a job together, and is never ignored") { subject in
            let forks =
                "count=0; while [ $count -lt 40 ]; do sleep 60 >/dev/null 2>&1 & count=$((count + 1)); done; echo all"
            var command = LauncherUnderTest.script(forks)
            command.treeLimits.processes = 8
            command.descendants = .end
            guard !subject.exemptions.contains(.treeLimitsAreRefused) else {
                try await subject.mustRefuse(
                    command,
                    "a limit of processes",
                    because: .notPermitted,
                    at: .createControlGroup
                )
                return
            }
            let job = try await subject.finish(command)
            try require(job.text.isEmpty, "a job that may have 8 processes has had 41")
            try require(job.exit.status != .exited(0), "a job that cannot fork has ended with \(job.exit.status)")
            // Without the limit it is the machine's.
            command.treeLimits = .none
            try require("what the job says", try await subject.run(command).text, is: "all\n")
        },
        Requirement("a limit that no kernel takes is an error of the command, and nothing runs") { subject in
            let limits = [
                ProcessTreeLimits(processes: 0), ProcessTreeLimits(processes: .min), ProcessTreeLimits(memoryBytes: 0),
                ProcessTreeLimits(processorWeight: 0), ProcessTreeLimits(processorWeight: -1),
                ProcessTreeLimits(processorWeight: 10_001), ProcessTreeLimits(processorQuota: 0),
                ProcessTreeLimits(processorQuota: 0.0099), ProcessTreeLimits(processorQuota: 175_921_861),
                ProcessTreeLimits(processorQuota: -1), ProcessTreeLimits(processorQuota: .infinity),
                ProcessTreeLimits(processorQuota: .nan), ProcessTreeLimits(processorQuota: .leastNonzeroMagnitude),
                ProcessTreeLimits(processorQuota: .greatestFiniteMagnitude),
            ]
            try await subject.withScratch { path in
                for limit in limits {
                    var command = LauncherUnderTest.script(#": >"$1""#, path.string)
                    command.treeLimits = limit
                    try await subject.mustRefuse(command, "\(limit)", because: .invalidCommand, at: .prepare)
                }
                try require(!subject.exists(path), "a job has run all the same")
            }
        },
        Requirement("a limit that just makes sense is taken, or refused like any other") { subject in
            for limit in [
                ProcessTreeLimits(processorWeight: 1), ProcessTreeLimits(processorWeight: 10_000),
                ProcessTreeLimits(processorQuota: 0.01), ProcessTreeLimits(processorQuota: 175_921_860),
            ] {
                var command = LauncherUnderTest.script(":")
                command.treeLimits = limit
                if subject.exemptions.contains(.treeLimitsAreRefused) {
                    try await subject.mustRefuse(command, "\(limit)", because: .notPermitted, at: .createControlGroup)
                } else {
                    _ = try await subject.run(command)
                }
            }
        },
    ]
}
