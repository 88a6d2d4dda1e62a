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
        Requirement("a limit that the kernel does not take is an error, and nothing runs") { subject in
            guard !subject.exemptions.contains(.treeLimitsAreRefused) else { return }
            let limits = [
                ProcessTreeLimits(processorWeight: 1_000_000), ProcessTreeLimits(processorQuota: 0.001),
                ProcessTreeLimits(processorQuota: -1), ProcessTreeLimits(processorQuota: .infinity),
                ProcessTreeLimits(processorQuota: .nan),
            ]
            try await subject.withScratch { path in
                for limit in limits {
                    var command = LauncherUnderTest.script(#": >"$1""#, path.string)
                    command.treeLimits = limit
                    do throws(LaunchError) {
                        _ = try await subject.launch(command).terminate(gracePeriod: .zero)
                    } catch {
                        try require(!subject.exists(path), "the job has run all the same")
                        continue
                    }
                    throw Violation(message: "\(limit) was taken")
                }
            }
        },
    ]
}
