import Impersonation
import SystemPackage

extension ProcessLauncherConformance {
    static let endRequirements: [Requirement] = [
        Requirement("an exit status is the job's own and never taken for a failed launch") { subject in
            for code: Int32 in [0, 1, 3, 125, 126, 127, 128, 137, 255] {
                let job = try await subject.finish(LauncherUnderTest.script("exit \(code)"))
                try require("the end", job.exit.status, is: .exited(code))
            }
        },
        Requirement("a death by a signal is told as that") { subject in
            for signal in [Signal.kill, .terminate, .user1, .hangup] {
                let job = try await subject.finish(LauncherUnderTest.script("kill -\(signal.rawValue) $$; sleep 60"))
                try require("the end", job.exit.status, is: .signaled(signal))
            }
        },
        Requirement("the end is the same for everybody who asks, early or late") { subject in
            let process = try await subject.launch(LauncherUnderTest.script("sleep 0.2; exit 9"))
            async let one = process.exitReport()
            async let other = process.exitReport()
            let reports = try await [one, other, process.exitReport()]
            for report in reports { try require("the end", report.status, is: .exited(9)) }
            try require("the reports", Set(reports).count, is: 1)
        },
        Requirement("the end waits for the output, and tells what the job has used") { subject in
            let job = try await subject.run(LauncherUnderTest.script("sleep 0.2; echo last"))
            try require("the output", job.text, is: "last\n")
            guard let usage = job.exit.usage else { throw Violation(message: "the report has no usage") }
            try require(usage.wallTime >= .milliseconds(100), "200 ms of sleep took \(usage.wallTime)")
            try require(usage.userTime + usage.systemTime > .zero, "the job has used no processor time")
        },
        Requirement("a report tells backend, process and how long the start took") { subject in
            let clock = ContinuousClock()
            let begin = clock.now
            let process = try await subject.launch(LauncherUnderTest.script("echo $$; sleep 60"))
            let elapsed = clock.now - begin
            _ = try await process.terminate(gracePeriod: .zero)
            try require("the backend", process.report.backend, is: subject.launcher.backend)
            try require("the identity", process.identity, is: subject.identity)
            try require(process.processID.rawValue > 1, "the process id is \(process.processID.rawValue)")
            let timings = process.report.timings
            for (name, time) in [
                ("preparation", timings.preparation), ("clone", timings.clone), ("confirmation", timings.confirmation),
            ] {
                try require(time >= .zero, "the time for the \(name) is \(time)")
            }
            try require("the sum of the timings", process.report.startTime, is: timings.total)
            try require(timings.total > .zero, "the start took no time")
            try require(timings.total <= elapsed, "the start took \(timings.total), but the call \(elapsed)")
            // The number that is reported is the one the job itself has.
            let job = try await subject.run(LauncherUnderTest.script("echo $$"))
            try require("the process id", "\(job.process.processID.rawValue)", is: job.lines.first ?? "")
        },
        Requirement("a launch that returns has started the program already") { subject in
            let process = try await subject.launch(Command(.path("/bin/sleep"), arguments: ["60"]))
            let number = process.processID.rawValue
            var seen = ""
            do {
                seen =
                    try await subject
                    .run(
                        Command(.path("/bin/cat"), arguments: ["/proc/\(number)/cmdline"])
                    )
                    .pieces.last ?? ""
            } catch {
                _ = try await process.terminate(gracePeriod: .zero)
                throw error
            }
            _ = try await process.terminate(gracePeriod: .zero)
            try require("the last argument of the process that was returned", seen, is: "60")
        },
    ]
}
